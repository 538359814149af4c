"""The losses of the comparison: what LOSSES says, and a network's .cfg with one of them as its last section."""
import hashlib
import os
import re
import shlex

from compare_data import Refused, split_lines
from export_cfg import NAMES as SECTION_NAMES

# Sections at a network's end that are its loss, and so are replaced.
LOSS_SECTIONS = ("softmax", "smooth_topk", "topk_loss", "cost", "logistic")

WITHOUT_K = ("l2svm", "gce", "multilabel_hinge", "multilabel_entropy")  # types of [topk_loss]


class Loss:
    """label: its name in tables; section and options: the last section of the .cfg; rate: None where LOSSES says none;
    said: the options that LOSSES itself says; base: the path of the .cfg whose last section it replaces."""

    def __init__(self, text):
        words = text.split()
        self.section = words[0] if words else ""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.section):
            raise Refused(f"LOSSES: '{text}': must begin with the name of a section, as in 'smooth_topk k=1,5'")
        self.said, self.rate = {}, None
        for word in words[1:]:
            name, equals, value = word.partition("=")
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not equals or not re.fullmatch(r"[^\s#;]+", value):
                raise Refused(f"LOSSES: '{text}': {word} is not an option, name=value")
            if name in self.said or name == "rate" and self.rate is not None:
                raise Refused(f"LOSSES: '{text}': {name} is given twice")
            if name == "rate":
                self.rate = value
            else:
                self.said[name] = value
        self.label = " ".join([self.section] + [f"{name}={value}" for name, value in self.said.items()])

    def has_k(self):
        return (self.section == "smooth_topk"
                or self.section == "topk_loss" and self.said.get("type") not in WITHOUT_K)

    def has_tau(self):
        return (self.section == "smooth_topk"
                or self.section == "topk_loss" and self.said.get("type") in ("lml", "lapsum"))

    def sentence(self):
        """What was trained, for the note above the tables."""
        options = " ".join(f"{name}={value}" for name, value in self.options.items())
        return f"[{self.section}]{' ' + options if options else ''} at rate {self.rate:g}"


NAMES = {"entropy": "top-k entropy", "truncated_entropy": "truncated top-k entropy", "hinge_alpha": "top-k hinge alpha",
         "hinge_beta": "top-k hinge beta", "calibrated_hinge": "calibrated top-k hinge", "lml": "LML",
         "lapsum": "LapSum", "l2svm": "L2-SVM", "gce": "generalised cross-entropy",
         "multilabel_hinge": "multilabel hinge", "multilabel_entropy": "multilabel entropy"}


def top_names(settings):
    """What top-1 and top-k are called: with several labels an image they are precision@1 and recall@k."""
    k = settings["K"]
    return ("precision@1", f"recall@{k}") if settings.get("several") else ("top-1", f"top-{k}")


def titles(labels, k):
    """A name for each label, for people: label smoothing 0.1, LML tau=2; k: that of losses which say none."""
    result = {}
    for label in labels:
        section, *options = label.split()
        said = dict(option.split("=", 1) for option in options)
        name = section
        if section == "topk_loss":
            name = NAMES.get(said.pop("type", "entropy"), label)
        elif section == "smooth_topk" and {"k": "1", "tau": "1", "alpha": "0"}.items() <= said.items():
            name = "softmax"
            for option in ("k", "tau", "alpha"):
                said.pop(option)
            if "label_smooth_eps" in said:
                name = "label smoothing " + said.pop("label_smooth_eps")
        elif section == "smooth_topk" and "k" not in said:
            name = f"smooth_topk k={k}"
        result[label] = " ".join([name, *(f"{option}={value}" for option, value in said.items())])
    # Two losses are never one name.
    names = list(result.values())
    return {label: name if names.count(name) == 1 else label for label, name in result.items()}


def file_name(label):
    """A label as a part of a path that Darknet reads; a digest holds what is lost of it: two labels have two names."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", label.replace("=", "-").replace(" ", "_"))
    return name if name == label else f"{name}.{hashlib.sha256(label.encode()).hexdigest()[:6]}"


def read_losses(text, read_rate):
    """LOSSES as the shell splits it into words: a word is a loss, with its options after spaces."""
    try:
        words = shlex.split(text)
    except ValueError as reason:
        raise Refused(f"LOSSES={text}: {reason}; put each loss that has options in quotes") from None
    losses = [Loss(word) for word in words]
    if not losses:
        raise Refused("LOSSES: must be one or more losses, as in \"softmax 'smooth_topk k=1,5'\"")
    labels = [loss.label for loss in losses]
    for loss in losses:
        if loss.rate is not None:
            loss.label += f" rate={loss.rate}" if labels.count(loss.label) > 1 else ""
            try:
                loss.rate = read_rate(loss.rate)
            except ValueError as reason:
                raise Refused(f"LOSSES: {loss.label}: rate={loss.rate} {reason}") from None
    labels = [loss.label for loss in losses]
    for label in labels:
        if labels.count(label) > 1:
            raise Refused(f"LOSSES={text}: {label} is given twice")
    return losses


# --- Networks

def plain_line(line):
    """A line of a network's file as Darknet reads it: no blanks around, no comment behind a value, no short names."""
    line = line.strip()
    if re.fullmatch(r"\[.*\]", line):
        section = re.sub(r"\s", "", line)[1:-1]
        return f"[{SECTION_NAMES.get(section, section)}]"
    name, equals, value = line.partition("=")
    return f"{name.strip()}={re.split('[#;]', value)[0].strip()}" if equals and line[0] not in "#;" else line


def cfg_value(lines, name):
    """The last value of an option in a network's file."""
    values = [line.split("=", 1)[1] for line in lines if line.startswith(name + "=")]
    return values[-1] if values else None


def whole_numbers(loss, name, text):
    """Those that an option of the loss's network has, one or several with commas between them."""
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch("[0-9]{1,9}", word) for word in words):
        raise Refused(f"{loss.base}: {name}={text}: must be {'whole numbers' if name == 'steps' else 'a whole number'} "
                      "from 0 to 999999999" + (", with commas between them" if name == "steps" else ""))
    return list(map(int, words))


def batches_of_file(loss):
    """max_batches of the loss's network; 0 where it says none."""
    return whole_numbers(loss, "max_batches", cfg_value(loss.lines, "max_batches") or "0")[0]


def base_section(network, section):
    """The network's file that stands for all but the loss: NETWORK_section.cfg, or NETWORK itself, or one of its
    losses' files."""
    names = [f"{network}_{section}.cfg", network, f"{network}.cfg", f"{network}_softmax.cfg",
             f"{network}_smooth_topk.cfg"]
    for name in names:
        if name.endswith(".cfg") and os.path.isfile(name):
            try:
                return name, split_lines(name)
            except OSError as error:
                raise Refused(f"NETWORK={network}: {name}: cannot be read: {error.strerror}") from None
    others = "" if network.endswith(".cfg") else f", {names[2]}, {names[3]} or {names[4]}"
    raise Refused(f"NETWORK={network}: there is no {names[0]}{others}")


def split_loss(lines):
    """The lines before the sections of the loss at the file's end; the name and the options of the first of these."""
    begin = [i for i, line in enumerate(lines) if line.startswith("[")] + [len(lines)]
    first = len(begin) - 1
    while first > 0 and lines[begin[first - 1]][1:-1] in LOSS_SECTIONS:
        first -= 1
    if first == len(begin) - 1:
        return lines, "", {}
    options = [line.split("=", 1) for line in lines[begin[first] + 1:begin[first + 1]]
               if "=" in line and line[0] not in "#;"]
    section = lines[begin[first]][1:-1]
    return lines[:begin[first]], section, dict(options)


def fill_in(loss, settings):
    """The loss's base, rate and options: what LOSSES says, then settings, then the network's own file."""
    loss.base, loss.text = base_section(settings["NETWORK"], loss.section)
    loss.lines = list(map(plain_line, loss.text))
    body, section, options = split_loss(loss.lines)
    loss.options = options if section == loss.section else {}
    if loss.has_k():
        loss.options["k"] = str(settings["K"])
    for name in ("tau", "alpha"):
        if settings[name.upper()] is not None and loss.section == "smooth_topk":
            loss.options[name] = f"{settings[name.upper()]:g}"
    loss.options.update(loss.said)
    if loss.rate is None:
        loss.rate = settings.get("LR_" + loss.section.upper()) or settings["LR"]
    if loss.rate is None:
        text = cfg_value(body, "learning_rate")
        try:
            loss.rate = float(text)
        except (TypeError, ValueError):
            said = "has no learning_rate" if text is None else f"learning_rate={text}: is no number"
            raise Refused(f"{loss.base}: {said}; say LR=") from None


def moved_steps(before_each, before, batches):
    """steps= of a .cfg of `before` batches, at the same parts of another number of them; each above the last, all below
    that number, which is more than there are steps."""
    steps = []
    for i, step in enumerate(before_each):
        latest = batches - (len(before_each) - i)
        steps.append(max(steps[-1] + 1 if steps else 1, min(latest, round(step * batches / before))))
    return steps


def network_text(loss, settings, classes, rate, tau=None):
    """The network with the settings in place of its own (classes, batches, rate) and the loss as its last section."""
    lines = split_loss(loss.lines)[0]
    values = {"max_batches": settings["BATCHES"], "learning_rate": f"{rate:g}"}
    before = batches_of_file(loss) or settings["BATCHES"]
    with_weights = [i for i, line in enumerate(lines) if line in ("[connected]", "[convolutional]")]
    last_layer = max(with_weights, default=-1)
    result, section, current = [], "", -1
    for i, line in enumerate(lines):
        if line.startswith("["):
            section, current = line, i
        name = line.split("=")[0]
        if "=" in line and line[0] not in "#;":
            if name in values and section == "[net]":
                line = f"{name}={values.pop(name)}"
            elif name == "steps" and section == "[net]":
                steps = whole_numbers(loss, name, line.split("=")[1])
                line = "steps=" + ",".join(map(str, moved_steps(steps, before, settings["BATCHES"])))
            elif name == "burn_in" and section == "[net]":  # the same part of the run
                line = f"burn_in={whole_numbers(loss, name, line.split('=')[1])[0] * settings['BATCHES'] // before}"
            elif current == last_layer and name in ("output", "filters"):
                line = f"{name}={classes}"
        result.append(line)
    first = next((i for i, line in enumerate(result) if line == "[net]"), 0)
    result[first + 1:first + 1] = [f"{name}={value}" for name, value in values.items()]
    options = {**loss.options, **({} if tau is None else {"tau": f"{tau:g}"})}
    last_section = f"[{loss.section}]\n" + "".join(f"{name}={value}\n" for name, value in options.items())
    return "\n".join(result).rstrip("\n") + "\n\n" + last_section
