"""The settings of the comparison: environment variables, their ranges and defaults."""
import os
import re

from compare_data import Refused
from compare_losses import cfg_value, fill_in, read_losses


def number(low, high, whole=False, above=False):
    def read(text):
        kind = "a whole number" if whole else "a number"
        limits = f"{kind} {'above' if above else 'from'} {low:g} to {high:.10g}"
        pattern = r"[0-9]+" if whole else r"[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?|[0-9]+\."
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {limits}")
        value = int(text) if whole else float(text)
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

# name: default, reader, meaning. A default of None depends on other settings (see read_settings).
SETTINGS = {
    "DATA": ("glyphs", text_value, "glyphs, cifar100, or a directory with train/ and valid/, a folder a class in each; or with labels.txt, and lists train.txt and valid.txt; and perhaps groups.txt"),
    "CIFAR100": ("", text_value, "the archive cifar-100-binary.tar.gz; without it, DATA=cifar100 downloads it"),
    "NETWORK": (None, text_value, "a network's .cfg, or its beginning: NETWORK.cfg, NETWORK_softmax.cfg, NETWORK_smooth_topk.cfg"),
    "LOSSES": ("softmax smooth_topk", text_value, "sections that end the network, each with its options in quotes; rate= is its learning rate. Each is compared with the first"),
    "NOISE": ("0 0.3 0.6 1", several(number(0, 1)), "probabilities that a training label is redrawn within its group"),
    "FRACTION": ("1 0.25", several(number(0, 1, above=True)), "parts of the training set"),
    "SEEDS": ("1 2 3", several(number(0, 4294967295, whole=True)), "seeds of noise, subset, first weights and order of images"),
    "BATCHES": (None, number(1, 100000000, whole=True), "how long each run trains, whatever the fraction; 500 for the glyphs, else as NETWORK says"),
    "EVERY": (None, number(1, 100000000, whole=True), "batches between validations, on all validation images; a tenth of BATCHES"),
    "K": ("5", number(1, 1000000, whole=True), "guesses: of top-k, of a loss that says no k=, and the size of a group where no file says it"),
    "LR": (None, RATE, "learning rate of a loss that says no rate="),
    "LR_SOFTMAX": (None, RATE, "learning rate of softmax, if not LR"),
    "LR_SMOOTH_TOPK": (None, RATE, "learning rate of smooth_topk, if not LR"),
    "TAU": (None, TAU, "temperature of smooth_topk where LOSSES says no tau="),
    "ALPHA": (None, number(0, 1e6), "margin of smooth_topk where LOSSES says no alpha="),
    "JOBS": (str(os.cpu_count() or 1), number(1, 1024, whole=True), "runs at once"),
    "OUT": (None, text_value, "where everything is made"),
    "LRS": (None, several(RATE), "tune: learning rates to try with each TAUS; a loss without a temperature tries as many, spread over the same range"),
    "TAUS": ("0.01 0.1 1 10", several(TAU), "tune: temperatures to try"),
}


def read_settings(environment, tune):
    """All settings by name, and "losses", a list of Loss. tune: defaults and checks of that command."""
    settings = {}
    for name, (default, read, _) in SETTINGS.items():
        text = environment.get(name) or default
        if tune and not environment.get(name):
            text = {"NOISE": "0.3", "FRACTION": "1", "SEEDS": "1"}.get(name, text)
        if text is None:
            settings[name] = None
            continue
        try:
            settings[name] = read(text)
        except ValueError as reason:
            raise Refused(f"{name}={text}: {reason}") from None
    # What the caller has set, to be handed on in a command that is printed.
    settings["given"] = {name: environment[name] for name in SETTINGS if environment.get(name)}
    data = settings["DATA"]
    if data not in ("glyphs", "cifar100") and not os.path.isdir(data):
        raise Refused(f"DATA={data}: must be glyphs, cifar100 or a directory that exists")
    settings["NETWORK"] = settings["NETWORK"] or ("cfg/glyphs" if data == "glyphs" else "cfg/cifar100")
    settings["OUT"] = settings["OUT"] or ("build/tune" if tune else "build/compare") + ("" if data == "glyphs" else "_" + os.path.basename(os.path.normpath(data)))
    if re.search(r"[\s#,]", settings["OUT"]):
        raise Refused(f"OUT={settings['OUT']}: Darknet reads no path with spaces, # or commas; choose another")
    settings["losses"] = read_losses(settings["LOSSES"], RATE)
    if tune:
        for name in ("NOISE", "FRACTION", "SEEDS"):
            if len(settings[name]) > 1:
                raise Refused(f"{name}={environment[name]}: tune takes one")
        for loss in settings["losses"]:
            if loss.rate is not None:
                raise Refused(f"LOSSES: {loss.label}: tune chooses the rate; leave rate= out, and see LRS")
    for loss in settings["losses"]:
        fill_in(loss, settings)
    if not settings["BATCHES"]:
        first = settings["losses"][0]
        text = "500" if data == "glyphs" else cfg_value(first.lines, "max_batches")
        if not text or not re.fullmatch(r"[1-9][0-9]{0,8}", text):
            raise Refused(f"BATCHES: {first.base} has no max_batches; say how long to train")
        settings["BATCHES"] = int(text)
    settings["EVERY"] = settings["EVERY"] or max(1, settings["BATCHES"] // 10)
    settings["LRS"] = settings["LRS"] or [settings["losses"][0].rate * factor for factor in (0.2, 1, 5)]
    return settings
