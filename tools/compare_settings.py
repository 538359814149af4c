"""The settings of the comparison: environment variables, their ranges, and what is chosen where nothing is said."""
import difflib
import math
import os
import re

from compare_data import IMAGE_ENDS, SPLITS, Refused
from compare_losses import batches_of_file, cfg_value, file_name, fill_in, read_losses
from compare_out import command_line
from compare_runs import time_in_words

HOUR = 3600
PASSES = 15  # over the images to train on, where neither BATCHES nor NETWORK says how long


def number(low, high, whole=False, above=False):
    def read(text):
        kind = "a whole number" if whole else "a number"
        limits = f"{kind} {'above' if above else 'from'} {low:g} to {high:.10g}"
        pattern = r"[0-9]+" if whole else r"[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?|[0-9]+\."
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {limits}")
        value = int(text) if whole else float(f"{float(text):g}")  # as it is written into files and names
        if not low <= value <= high or (above and value == low):
            raise ValueError(f"must be {limits}")
        return value
    return read


def several(read_one):
    def read(text):
        values = []
        for word in text.split():
            try:
                value = read_one(word)
            except ValueError as reason:
                raise ValueError(f"{word} {reason}") from None
            if value not in values:
                values.append(value)
        if not values:
            raise ValueError("must be one or more values with spaces between them")
        return values
    return read


def text_value(text):
    return text


RATE = number(0, 1e38, above=True)
TAU = number(0, 1e6)

# name: reader, default in words, meaning. What has no default of its own here gets one from the data: read_settings
# and choose_by_data.
SETTINGS = {
    "DATA": (text_value, "glyphs",
             "glyphs, cifar100, or a directory: train/ and valid/ (or val/), a folder a class in each; "
             "or labels.txt and lists train.txt and valid.txt (or val.txt); perhaps groups.txt"),
    "CIFAR100": (text_value, "",
                 "the archive cifar-100-binary.tar.gz; without it, DATA=cifar100 downloads it"),
    "NETWORK": (text_value, "cfg/glyphs for the glyphs, else the small cfg/cifar100_small",
                "a network's .cfg, or its beginning: NETWORK.cfg, NETWORK_softmax.cfg, NETWORK_smooth_topk.cfg"),
    "LOSSES": (text_value, "softmax smooth_topk 'smooth_topk k=1,K'",
               "sections that end the network, each with its options in quotes; rate= is its learning rate. "
               "Each is compared with the first"),
    "NOISE": (several(number(0, 1)), "0; for the glyphs 0 0.3 0.6 1",
              "probabilities that a training label is redrawn within its group"),
    "FRACTION": (several(number(0, 1, above=True)), "1", "parts of the training set"),
    "SEEDS": (several(number(0, 4294967295, whole=True)), "1 2 3",
              "seeds of noise, subset, first weights and order of images"),
    "BATCHES": (number(1, 100000000, whole=True),
                f"what NETWORK says; without it, {PASSES} passes over the images, 500 for the glyphs",
                "how long each run trains, whatever the fraction"),
    "EVERY": (number(1, 100000000, whole=True), "a tenth of BATCHES",
              "batches between validations, on all validation images"),
    "K": (number(1, 1000000, whole=True), "5; with fewer than 10 classes half of them",
          "guesses: of top-k, of a loss that says no k=, and the size of a group where no file says it"),
    "LR": (RATE, "as NETWORK says", "learning rate of a loss that says no rate="),
    "LR_SOFTMAX": (RATE, "LR", "learning rate of softmax"),
    "LR_SMOOTH_TOPK": (RATE, "LR", "learning rate of smooth_topk"),
    "TAU": (TAU, "as NETWORK says", "temperature of smooth_topk where LOSSES says no tau="),
    "ALPHA": (number(0, 1e6), "as NETWORK says", "margin of smooth_topk where LOSSES says no alpha="),
    "JOBS": (number(1, 1024, whole=True), "the number of cores", "runs at once"),
    "OUT": (text_value, "build/compare, build/tune, with the name of DATA", "where everything is made"),
    "LRS": (several(RATE), "a third of NETWORK's rate, that, and three times that",
            "tune: learning rates to try with each of TAUS; more are tried where the best is at the edge. "
            "A loss without a temperature tries as many, spread over the same range"),
    "TAUS": (several(TAU), "1", "tune: temperatures to try"),
}


def check_names(names):
    """Refuses a setting that there is not, as one of make's command line may be."""
    for name in names:
        if name not in SETTINGS:
            near = difflib.get_close_matches(name.upper(), SETTINGS, 1, 0.5)
            raise Refused(f"{name}: there is no such setting" + (f"; did you mean {near[0]}?" if near else "")
                          + " (tools/compare.py -h lists them)")


def read_settings(environment, tune):
    """What the environment says, by name; None where it says nothing, but for what has a default whatever the data."""
    settings = {name: None for name in SETTINGS}
    # What the caller has set, to be handed on in a command that is printed.
    settings["given"] = {name: environment[name] for name in SETTINGS if environment.get(name)}
    defaults = {"DATA": "glyphs", "CIFAR100": "", "FRACTION": "1", "SEEDS": "1" if tune else "1 2 3", "TAUS": "1",
                "JOBS": str(os.cpu_count() or 1)}
    for name, text in {**defaults, **settings["given"]}.items():
        try:
            settings[name] = SETTINGS[name][0](text)
        except ValueError as reason:
            raise Refused(f"{name}={text}: {reason}") from None
    data = settings["DATA"]
    is_glyphs = data == "glyphs"
    if data not in ("glyphs", "cifar100") and not os.path.isdir(data):
        raise Refused(f"DATA={data}: must be glyphs, cifar100 or a directory that exists")
    settings["NETWORK"] = settings["NETWORK"] or ("cfg/glyphs" if is_glyphs else "cfg/cifar100_small")
    if settings["NOISE"] is None:
        settings["NOISE"] = [0.3] if tune else [0, 0.3, 0.6, 1] if is_glyphs else [0]
    settings["command"] = "tune" if tune else "compare"
    name = os.path.basename(os.path.normpath(data))
    # Darknet reads no path with these.
    refused = r"[\s#,]"
    of_data = "" if is_glyphs else "_" + (file_name(name) if re.search(refused, name) else name)
    settings["OUT"] = settings["OUT"] or f"build/{settings['command']}{of_data}"
    if settings["OUT"].startswith("-"):  # Darknet takes that for a flag
        settings["OUT"] = "./" + settings["OUT"]
    for split in SPLITS:
        if f"{os.path.realpath(settings['OUT'])}/".startswith(f"{os.path.realpath(data)}/{split}/"):
            raise Refused(f"OUT={settings['OUT']}: is within {data}/{split}, where the images are; choose another")
    if re.search(refused, settings["OUT"]):
        raise Refused(f"OUT={settings['OUT']}: Darknet reads no path with spaces, # or commas; choose another")
    if tune:
        for name in ("NOISE", "FRACTION", "SEEDS"):
            if len(settings[name]) > 1:
                raise Refused(f"{name}={environment[name]}: tune takes one")
    return settings


def choose_by_data(settings, data):
    """Adds what depends on the data: K, the losses (settings["losses"], a list of Loss), BATCHES, EVERY, LRS."""
    tune = settings["command"] == "tune"
    settings["K"] = k = data.k
    settings["several"] = data.several
    if data.several and "NOISE" not in settings["given"]:
        settings["NOISE"] = [0]
    text = settings["LOSSES"] or "softmax smooth_topk" + (f" 'smooth_topk k=1,{k}'" if k > 1 else "")
    settings["losses"] = read_losses(text, RATE)
    for loss in settings["losses"]:
        if tune and loss.rate is not None:
            raise Refused(f"LOSSES: {loss.label}: tune chooses the rate; leave rate= out, and see LRS")
        fill_in(loss, settings)
    settings["BATCHES"] = settings["BATCHES"] or default_batches(settings, len(data.train))
    for loss in settings["losses"]:
        check_steps(loss, settings)
    settings["EVERY"] = settings["EVERY"] or max(1, settings["BATCHES"] // 10)
    settings["LRS"] = settings["LRS"] or [settings["losses"][0].rate * factor for factor in (1 / 3, 1, 3)]


def images_a_batch(settings):
    text = cfg_value(settings["losses"][0].lines, "batch")
    return int(text) if text and re.fullmatch(r"[1-9][0-9]{0,8}", text) else 1


def default_batches(settings, images):
    if settings["DATA"] == "glyphs":
        return 500
    first = settings["losses"][0]
    if "NETWORK" not in settings["given"]:
        return math.ceil(PASSES * images * max(settings["FRACTION"]) / images_a_batch(settings))
    batches = batches_of_file(first)
    if not batches:
        raise Refused(f"BATCHES: {first.base} has no max_batches; say how long to train")
    return batches


def check_steps(loss, settings):
    """policy=steps lowers the rate at batches of the .cfg, which are moved to the same part of BATCHES: each needs
    one."""
    if cfg_value(loss.lines, "policy") != "steps":
        return
    steps = (cfg_value(loss.lines, "steps") or "").split(",")
    if settings["BATCHES"] <= len(steps):
        raise Refused(f"BATCHES={settings['BATCHES']}: too few for the {len(steps)} steps of the learning rate in "
                      f"{loss.base} (policy=steps); at least {len(steps) + 1}")


def describe(data, settings):
    """What was found in DATA, in a few lines."""
    lines = [f"{settings['DATA']}: {len(data.labels)} classes from {data.labels_from}, {len(data.train)} images to "
             f"train on, {len(data.valid)} to validate on"]
    if settings["DATA"] != "glyphs":
        lines += [f"{name} is not given: {settings[name]}" for name in ("NETWORK", "BATCHES")
                  if name not in settings["given"]]
    if data.other_files:
        some = ", ".join(data.other_files[:3]) + (", ..." if len(data.other_files) > 3 else "")
        lines.append(f"note: left out, as they do not end in {', '.join(IMAGE_ENDS)}: {some}")
    without = data.without_images()
    if without:
        named = ", ".join(without[:5]) + (", ..." if len(without) > 5 else "")
        count = "the class" if len(without) == 1 else f"the {len(without)} classes"
        lines.append(f"note: no image to train on is of {count} {named}")
    return "".join(line + "\n" for line in lines)


def validation_cost(settings, images):
    """A validation in batches of training that take as long: forwards takes about half as long as both ways."""
    return images / images_a_batch(settings) / 2


def two_digits(number):
    """A whole number, rounded down to two digits."""
    unit = 10 ** max(0, len(str(int(number))) - 2)
    return int(number) // unit * unit


def fewer_batches(settings, seconds, cost):
    """({"BATCHES": ..., perhaps "EVERY"}, seconds): what makes all of it take 0.9 of an hour. EVERY, not said, is a
    tenth of BATCHES; where ten validations take half of the time, there is one. Ten batches are the least."""
    of_a_batch = seconds / (settings["BATCHES"] + math.ceil(settings["BATCHES"] / settings["EVERY"]) * cost)
    room = 0.9 * HOUR / of_a_batch  # batches, and validations by what they cost
    validations = 10 if room >= 20 * cost else 1
    batches = two_digits(max(10, room - validations * cost))
    said = {"BATCHES": str(batches), **({"EVERY": str(batches)} if validations == 1 else {})}
    return said, of_a_batch * (batches + validations * cost)


def shorter(settings, seconds, cost):
    """Where all runs take over an hour: how long, and settings with which they take less. cost: validation_cost."""
    if seconds <= HOUR:
        return ""
    given, left = dict(settings["given"]), seconds
    for name in ("SEEDS", "FRACTION", "NOISE"):
        if left > HOUR and len(settings[name]) > 1:
            left /= len(settings[name])
            given[name] = f"{settings[name][0]:g}"
    if left > HOUR:
        said, left = fewer_batches(settings, left, cost)
        given.pop("EVERY", None)
        given.update(said)
    return (f"This takes {time_in_words(seconds)}. Shorter: {command_line(settings['command'], given)} "
            f"({time_in_words(left)})")
