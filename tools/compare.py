#!/usr/bin/env python3
"""The comparison: one network under softmax and under smooth_topk, over label noise, parts of the training set and seeds.

usage: tools/compare.py compare|tune     from the root of the repository; `make compare` and `make tune` do that

Settings are environment variables, in SETTINGS below with their defaults and meanings. What is made, in OUT:
  data/         the images (but for DATA=DIR), and every draw of noise and subset as a list of paths and of labels
  runs/         a directory a run: its .cfg and .data, log.csv (validation over time), train.log, weights/
  results.csv   a line a finished run; such a run is not repeated
  table.txt, table.md, table.csv, noise.svg, training.svg
A run that was stopped or killed goes on from its last weights. Those do not hold the momentum, so it does not end in
exactly the weights of an unbroken one.
"""
import csv
import ctypes
import fcntl
import hashlib
import io
import math
import os
import random
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tarfile
import time
import urllib.request
import zlib

LOSSES = ("softmax", "smooth_topk")
DARKNET = "build/darknet"
CIFAR100_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
CIFAR100_MD5 = "03b5dce01913d631647c71ecec9e9cb8"  # as published on the data set's page
HELD_APART = 0.2  # the part of the training images that `tune` validates on
RESULT_FIELDS = ("loss", "noise", "fraction", "seed", "batches", "top1_last", "topk_last", "top1_best", "topk_best",
                 "best_batch", "seconds")


class Refused(Exception):
    """What is wrong, the value, and what to do."""


# --- Settings

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
    "DATA": ("glyphs", text_value, "glyphs, cifar100, or a directory with labels.txt, train.txt or train/, valid.txt or valid/, and perhaps groups.txt"),
    "CIFAR100": ("", text_value, "the archive cifar-100-binary.tar.gz; without it, DATA=cifar100 downloads it"),
    "NETWORK": (None, text_value, "beginning of the names of a pair, NETWORK_softmax.cfg and NETWORK_smooth_topk.cfg"),
    "NOISE": ("0 0.3 0.6 1", several(number(0, 1)), "probabilities that a training label is redrawn within its group"),
    "FRACTION": ("1 0.25", several(number(0, 1, above=True)), "parts of the training set"),
    "SEEDS": ("1 2 3", several(number(0, 4294967295, whole=True)), "seeds of noise, subset, first weights and order of images"),
    "BATCHES": (None, number(1, 100000000, whole=True), "how long each run trains, whatever the fraction"),
    "K": ("5", number(1, 1000000, whole=True), "guesses: of top-k, of the loss, and the size of a group where no file says it"),
    "LR": (None, RATE, "learning rate of both losses"),
    "LR_SOFTMAX": (None, RATE, "learning rate of softmax, if not LR"),
    "LR_SMOOTH_TOPK": (None, RATE, "learning rate of smooth_topk, if not LR"),
    "TAU": (None, TAU, "temperature of smooth_topk"),
    "ALPHA": (None, number(0, 1e6), "margin of smooth_topk"),
    "JOBS": (str(os.cpu_count() or 1), number(1, 1024, whole=True), "runs at once"),
    "OUT": (None, text_value, "where everything is made"),
    "LRS": (None, several(RATE), "tune: learning rates to try with each TAUS; softmax tries as many, spread over the same range"),
    "TAUS": ("0.01 0.1 1 10", several(TAU), "tune: temperatures to try"),
}


def cfg_value(lines, name):
    """The last value of an option in a network's file."""
    values = [line.split("=", 1)[1].strip() for line in lines if re.match(rf"{name}\s*=", line)]
    return values[-1] if values else None


def read_settings(environment, tune):
    settings = {}
    for name, (default, read, _) in SETTINGS.items():
        text = environment.get(name) or default
        if text is None:
            settings[name] = None
            continue
        try:
            settings[name] = read(text)
        except ValueError as reason:
            raise Refused(f"{name}={text}: {reason}") from None
    data = settings["DATA"]
    if data not in ("glyphs", "cifar100") and not os.path.isdir(data):
        raise Refused(f"DATA={data}: must be glyphs, cifar100 or a directory that exists")
    settings["NETWORK"] = settings["NETWORK"] or ("cfg/glyphs" if data == "glyphs" else "cfg/cifar100")
    settings["OUT"] = settings["OUT"] or ("build/tune" if tune else "build/compare") + ("" if data == "glyphs" else "_" + os.path.basename(os.path.normpath(data)))
    if re.search(r"[\s#,]", settings["OUT"]):
        raise Refused(f"OUT={settings['OUT']}: Darknet reads no path with spaces, # or commas; choose another")
    settings["networks"] = {}
    for loss in LOSSES:
        path = f"{settings['NETWORK']}_{loss}.cfg"
        if not os.path.isfile(path):
            raise Refused(f"NETWORK={settings['NETWORK']}: there is no {path}")
        with open(path) as file:
            settings["networks"][loss] = file.read().splitlines()
    smooth = settings["networks"]["smooth_topk"]
    if not settings["BATCHES"]:
        settings["BATCHES"] = 500 if data == "glyphs" else int(cfg_value(smooth, "max_batches") or 0)
    settings["TAU"] = float(cfg_value(smooth, "tau") or 1) if settings["TAU"] is None else settings["TAU"]
    settings["ALPHA"] = float(cfg_value(smooth, "alpha") or 1) if settings["ALPHA"] is None else settings["ALPHA"]
    settings["rates"] = {}
    for loss in LOSSES:
        settings["rates"][loss] = (settings["LR_" + loss.upper()] or settings["LR"]
                                   or float(cfg_value(settings["networks"][loss], "learning_rate")))
    settings["LRS"] = settings["LRS"] or [settings["rates"]["softmax"] * factor for factor in (0.2, 1, 5)]
    return settings


def check_tools():
    for command, package in (("gnuplot", "gnuplot-nox"),):
        if not shutil.which(command):
            raise Refused(f"the command '{command}' is missing; install it with: apt-get install {package}")
    if not os.access(DARKNET, os.X_OK):
        raise Refused(f"{DARKNET} is missing; run make in the root of the repository")


# --- Files

def write_whole(path, text):
    """Replaces a file whole or not at all, and leaves it alone where nothing changes."""
    if os.path.exists(path):
        with open(path) as file:
            if file.read() == text:
                return
    with open(path + ".tmp", "w") as file:
        file.write(text)
    os.replace(path + ".tmp", path)


def read_lines(path, what):
    try:
        with open(path) as file:
            lines = [line for line in file.read().splitlines() if line.strip()]
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror}); it should hold {what}") from None
    if not lines:
        raise Refused(f"{path}: is empty; it should hold {what}")
    return lines


# --- Data sets: each becomes a directory in Darknet's layout

def make_glyphs(directory):
    if os.path.isfile(directory + "/valid.txt.done"):
        return
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    program = "build/make_glyphs"
    if not os.access(program, os.X_OK):
        raise Refused(f"{program} is missing; run make build/make_glyphs in the root of the repository")
    if subprocess.call([program, "build/source/data/labels", directory, "-valid", "20"]):
        raise Refused("make_glyphs failed; it says above why")
    write_whole(directory + "/valid.txt.done", "complete\n")


def write_png(path, width, height, planes):
    """planes: red, green, blue, each row by row."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        row = slice(y * width, (y + 1) * width)
        for pixel in zip(planes[0][row], planes[1][row], planes[2][row]):
            rows += bytes(pixel)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b""))


def fetch_cifar100(archive):
    """The archive's path, once it is there and is the original."""
    if not archive:
        archive = "build/cifar-100-binary.tar.gz"
        if not os.path.exists(archive):
            print(f"downloading {CIFAR100_URL}", flush=True)
            try:
                with urllib.request.urlopen(CIFAR100_URL, timeout=60) as response, open(archive + ".tmp", "wb") as file:
                    shutil.copyfileobj(response, file)
            except OSError as error:
                raise Refused(f"{CIFAR100_URL}: cannot be downloaded ({error}); get it elsewhere and give its path: "
                              "CIFAR100=path/to/cifar-100-binary.tar.gz") from None
            os.replace(archive + ".tmp", archive)
    checksum = hashlib.md5()
    try:
        with open(archive, "rb") as file:
            for part in iter(lambda: file.read(1 << 20), b""):
                checksum.update(part)
    except OSError as error:
        raise Refused(f"CIFAR100={archive}: cannot be read: {error.strerror}") from None
    if checksum.hexdigest() != CIFAR100_MD5:
        raise Refused(f"{archive}: its MD5 checksum is {checksum.hexdigest()}, that of cifar-100-binary.tar.gz is "
                      f"{CIFAR100_MD5}; it is cut short or another file: remove it and get it again")
    return archive


def unpack_cifar100(archive, directory):
    """A record is the coarse class, the fine class, and 32x32 bytes each of red, green and blue."""
    side, record = 32, 2 + 3 * 32 * 32
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    with tarfile.open(archive) as tar:
        def member(name):
            return tar.extractfile("cifar-100-binary/" + name).read()
        fine = member("fine_label_names.txt").decode().split()
        coarse = member("coarse_label_names.txt").decode().split()
        group_of = {}
        for split, name in (("train", "train.bin"), ("valid", "test.bin")):
            os.mkdir(f"{directory}/{split}")
            images, paths = member(name), []
            if not images or len(images) % record:
                raise Refused(f"{archive}: {name} has {len(images)} bytes, which are no whole images of {record} each")
            for i in range(len(images) // record):
                one = images[i * record:(i + 1) * record]
                if one[1] >= len(fine) or one[0] >= len(coarse) or group_of.setdefault(one[1], one[0]) != one[0]:
                    raise Refused(f"{archive}: image {i} of {name} is of class {one[0]}, {one[1]}, which cannot be")
                path = f"{directory}/{split}/{i:05d}_{fine[one[1]]}.png"
                write_png(path, side, side, [one[2 + c * side * side:2 + (c + 1) * side * side] for c in range(3)])
                paths.append(path)
            write_whole(f"{directory}/{split}.txt", "".join(path + "\n" for path in paths))
    # With the bare names "bee" would also be in "beetle".
    write_whole(directory + "/labels.txt", "".join(f"_{name}.\n" for name in fine))
    write_whole(directory + "/groups.txt", "".join((coarse[group_of[c]] if c in group_of else "none") + "\n" for c in range(len(fine))))
    write_whole(directory + "/valid.txt.done", "complete\n")


class DataSet:
    """Paths and classes as Darknet sees them: an image is of the class whose label is part of its path."""

    def __init__(self, directory, k):
        self.labels = read_lines(directory + "/labels.txt", "a label a line, which is part of the paths of the class's images")
        self.pattern = re.compile("|".join(re.escape(label) for label in sorted(self.labels, key=len, reverse=True)))
        self.class_of_label = {label: c for c, label in enumerate(self.labels)}
        if len(self.labels) <= k:
            raise Refused(f"K={k}: must be smaller than {len(self.labels)}, the number of classes in {directory}/labels.txt")
        for a in self.labels:
            for b in self.labels:
                if a is not b and a in b:
                    raise Refused(f"{directory}/labels.txt: the label {a} is part of {b}, so an image of the one is also of the other")
        self.groups = [str(c // k) for c in range(len(self.labels))]
        if os.path.exists(directory + "/groups.txt"):
            self.groups = read_lines(directory + "/groups.txt", "a line a class: the name of its group")
            if len(self.groups) != len(self.labels):
                raise Refused(f"{directory}/groups.txt has {len(self.groups)} lines, labels.txt has {len(self.labels)}; both need one a class")
        self.train = self.paths(directory, "train")
        self.valid = self.paths(directory, "valid", "val")
        both = set(map(os.path.realpath, self.train)) & set(map(os.path.realpath, self.valid))
        if both:
            raise Refused(f"{directory}: {sorted(both)[0]} is to train and to validate on")
        self.train_classes = [self.class_of(path) for path in self.train]
        for path in self.valid:
            self.class_of(path)

    @staticmethod
    def paths(directory, *names):
        """From NAME.txt, with paths as from here or as from the directory; without it, all images in the folder NAME."""
        for name in names:
            file, folder = f"{directory}/{name}.txt", f"{directory}/{name}"
            if os.path.exists(file):
                lines = read_lines(file, "the path of an image a line")
                base = "" if os.path.exists(lines[0]) else directory
                if not os.path.exists(os.path.join(base, lines[0])):
                    raise Refused(f"{file}: there is no {lines[0]}, neither from here nor from {directory}")
                return [os.path.join(base, line) for line in lines]
            if os.path.isdir(folder):
                found = sorted(os.path.join(where, one) for where, _, files in os.walk(folder) for one in files
                               if os.path.splitext(one)[1].lower() in (".png", ".jpg", ".jpeg", ".bmp"))
                if not found:
                    raise Refused(f"{folder}: holds no images (.png, .jpg, .jpeg or .bmp)")
                return found
        raise Refused(f"{directory}: has neither {names[0]}.txt, a list of images, nor {names[0]}, a folder of them")

    def class_of(self, path):
        found = set(self.pattern.findall(path))
        if len(found) != 1:
            raise Refused(f"{path}: holds {len(found)} of the labels, and must hold one")
        return self.class_of_label[found.pop()]


def load_data(settings):
    data = settings["DATA"]
    directory = data
    if data == "glyphs":
        directory = settings["OUT"] + "/data/glyphs"
        make_glyphs(directory)
    elif data == "cifar100":
        directory = "build/cifar100"
        if not os.path.exists(directory + "/valid.txt.done"):
            archive = fetch_cifar100(settings["CIFAR100"])
            print(f"unpacking {archive} to {directory}", flush=True)
            unpack_cifar100(archive, directory)
    return DataSet(directory, settings["K"])


# --- Draws of noise and subset

def uniform(seed, purpose, i):
    """A number of its own for each image, by its line in train.txt, and purpose: so a smaller part is a part of the larger, and a label
    redrawn at one noise is redrawn, in the same way, at a greater one."""
    return random.Random(f"{seed} {purpose} {i}").random()


def subset(data, indexes, fraction, seed):
    """Of every class the images with the smallest numbers, at least one."""
    by_class = {}
    for i in indexes:
        by_class.setdefault(data.train_classes[i], []).append(i)
    kept = []
    for members in by_class.values():
        members.sort(key=lambda i: uniform(seed, "subset", i))
        kept += members[:max(1, math.floor(len(members) * fraction + 0.5))]
    return sorted(kept)


def redrawn_class(data, i, noise, seed):
    members = [c for c, group in enumerate(data.groups) if group == data.groups[data.train_classes[i]]]
    other = members[int(uniform(seed, "label", i) * len(members))]
    return other if uniform(seed, "noise", i) < noise else data.train_classes[i]


def draw(data, directory, noise, fraction, seed, indexes):
    """Writes NAME.txt, the paths to train on, and NAME.labels.csv, what each was and is; returns the first one's path.

    Darknet reads the class off the path, so an image with another label is a link with that label in its name."""
    name = f"{directory}/p{noise:g}_f{fraction:g}_s{seed}"
    links = f"{directory}/links_s{seed}"
    os.makedirs(links, exist_ok=True)
    lines, table = [], ["path,label,true_label,image"]
    for i in subset(data, indexes, fraction, seed):
        image, true = data.train[i], data.train_classes[i]
        label, path = redrawn_class(data, i, noise, seed), image
        if label != true:
            path = f"{links}/{i:06d}{data.labels[label]}x{os.path.splitext(image)[1]}"
            if data.class_of(path) != label:
                raise Refused(f"{path}: does not hold the label {data.labels[label]}; choose another OUT")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            target = os.path.relpath(os.path.realpath(image), os.path.realpath(os.path.dirname(path)))
            if not os.path.islink(path) or os.readlink(path) != target:
                if os.path.lexists(path):
                    os.remove(path)
                os.symlink(target, path)
        lines.append(path)
        table.append(f"{path},{data.labels[label]},{data.labels[true]},{image}")
    write_whole(name + ".labels.csv", "\n".join(table) + "\n")
    write_whole(name + ".txt", "\n".join(lines) + "\n")
    return name + ".txt"


# --- Runs

def network_text(lines, settings, classes, rate, tau, is_smooth):
    """The network with the settings in the place of its own: classes, batches and rate; k, tau and alpha of the loss."""
    values = {"max_batches": settings["BATCHES"], "learning_rate": rate}
    if is_smooth:
        values.update({"k": settings["K"], "tau": tau, "alpha": settings["ALPHA"]})
    before = int(cfg_value(lines, "max_batches") or settings["BATCHES"])
    sections = [i for i, line in enumerate(lines) if line.startswith("[")]
    last_layer = max((i for i in sections if lines[i].strip() in ("[connected]", "[convolutional]")), default=-1)
    result, section = [], ""
    for i, line in enumerate(lines):
        if line.startswith("["):
            section = line.strip()
            current = i
        name = line.split("=")[0].strip()
        if "=" in line and not line.startswith("#"):
            if name in values and section in ("[net]", "[smooth_topk]"):
                line = f"{name}={values[name]:g}" if isinstance(values[name], float) else f"{name}={values[name]}"
            elif name == "steps" and section == "[net]":
                steps = [max(1, round(int(step) * settings["BATCHES"] / before)) for step in line.split("=")[1].split(",")]
                line = "steps=" + ",".join(map(str, steps))
            elif current == last_layer and name in ("output", "filters"):
                line = f"{name}={classes}"
        result.append(line)
    return "\n".join(result) + "\n"


class Run:
    """One training: prepared, started (again, from its last weights), watched, and read off its log."""

    def __init__(self, out, key, labels, network, settings):
        self.key, self.out = key, out
        self.directory = f"{out}/runs/{key['name']}"
        self.labels, self.network, self.settings = labels, network, settings
        self.process = None
        self.log = self.directory + "/log.csv"
        self.shown = self.directory + "/train.log"
        self.backup = self.directory + "/weights/run.backup"

    def start(self, train, valid, lock):
        os.makedirs(self.directory + "/weights", exist_ok=True)
        write_whole(self.directory + "/run.cfg", self.network)
        write_whole(self.directory + "/run.data", "".join(f"{name}={value}\n" for name, value in (
            ("classes", len(self.labels)), ("train", train), ("valid", valid), ("labels", os.path.dirname(valid) + "/labels.txt"),
            ("backup", self.directory + "/weights"), ("top", self.settings["K"]))))
        command = [DARKNET, "classifier", "train", self.directory + "/run.data", self.directory + "/run.cfg"]
        command += [self.backup] if os.path.exists(self.backup) else []
        command += ["-seed", str(self.key["seed"]), "-topk", str(self.settings["K"]), "-progress", "-log", self.log,
                    "-every", str(max(1, self.settings["BATCHES"] // 10))]
        self.first = self.saved_batch()
        with open(self.shown, "ab") as shown:
            self.said_before = shown.tell()
            # The lock is passed on: two runs are never at work in one directory, even if this program is killed.
            self.process = subprocess.Popen(command, stdout=shown, stderr=shown, stdin=subprocess.DEVNULL,
                                            pass_fds=[lock.fileno()], preexec_fn=stop_with_parent)

    def saved_batch(self):
        """Where its last weights are from."""
        rows = read_log(self.log) if os.path.exists(self.backup) else []
        return int(rows[-1]["batch"]) if rows else 0

    def batch(self):
        """How far it is, from the end of what Darknet said since the start."""
        with open(self.shown, "rb") as shown:
            shown.seek(max(self.said_before, os.fstat(shown.fileno()).st_size - 2000))
            found = re.findall(rb"^batch (\d+)", shown.read(), re.M)
        return int(found[-1]) if found else self.first

    def result(self):
        rows = read_log(self.log)
        top = f"top{self.settings['K']}"
        if not rows or int(rows[-1]["batch"]) != self.settings["BATCHES"]:
            raise Refused(f"{self.log}: does not end at batch {self.settings['BATCHES']}; remove {self.directory} and start again")
        best = max(rows, key=lambda row: float(row[top]))
        return {**{name: self.key[name] for name in ("loss", "noise", "fraction", "seed")}, "batches": self.settings["BATCHES"],
                "top1_last": float(rows[-1]["top1"]), "topk_last": float(rows[-1][top]), "top1_best": float(best["top1"]),
                "topk_best": float(best[top]), "best_batch": int(best["batch"]), "seconds": float(rows[-1]["seconds"])}

    def end_of_output(self):
        with open(self.shown, errors="replace") as shown:
            return "".join("  " + line for line in shown.readlines()[-12:])


def read_log(path):
    """The whole rows of a run's log."""
    try:
        with open(path) as file:
            text = file.read()
    except OSError:
        return []
    return list(csv.DictReader(io.StringIO(text[:text.rfind("\n") + 1])))


def stop_with_parent():
    """A training does not outlive this program: Darknet saves its weights at SIGTERM. (Linux; elsewhere it goes on.)"""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for this program, which then asks each training to stop
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    except (OSError, AttributeError):
        pass


def take_lock(out):
    lock = open(out + "/lock", "w")
    for attempt in range(40):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if attempt == 4:
                print(f"waiting for the trainings of an earlier run in {out} to stop", flush=True)
            time.sleep(0.25)
    raise Refused(f"{out}: another comparison, or a training of one, is at work there; stop it first, or choose another OUT")


def duration(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}" if minutes >= 60 else f"{minutes}:{seconds:02d}"


def train_all(runs, jobs, lists, valid, lock, batches, finished):
    """Trains what is left, `jobs` at once; calls finished(run) after each."""
    terminal = sys.stdout.isatty()
    waiting, running, done, session = list(runs), [], 0, 0
    start, printed = time.time(), 0
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                run = waiting.pop(0)
                run.start(lists[run.key["name"]], valid, lock)
                running.append(run)
            time.sleep(0.2)
            for run in list(running):
                code = run.process.poll()
                if code is None:
                    continue
                running.remove(run)
                if code:
                    how = f"signal {-code}" if code < 0 else f"exit code {code}"
                    raise Refused(f"the training {run.key['name']} ended with {how}; the end of {run.shown}:\n{run.end_of_output()}"
                                  "Started again, it goes on from its last weights.")
                session += batches - run.first
                done += 1
                finished(run)
            if time.time() - printed < (1 if terminal else 10) and (waiting or running):
                continue
            printed = time.time()
            now = [(run, run.batch()) for run in running]
            trained = session + sum(batch - run.first for run, batch in now)
            left = sum(batches - run.saved_batch() for run in waiting) + sum(batches - batch for _, batch in now)
            line = f"{done}/{len(runs)} runs done"
            if now:
                line += "; " + ", ".join(f"{run.key['name']} {batch}/{batches}" for run, batch in now)
            if trained >= batches / 10 and left:
                line += f"; {duration((printed - start) * left / trained)} left"
            print(("\r" + line + "\033[K") if terminal else line, end="" if terminal else "\n", flush=True)
    finally:
        for run in running:
            run.process.terminate()
        for run in running:
            run.process.wait()
        if terminal:
            print()


# --- Results

def read_results(path):
    if not os.path.exists(path):
        return []
    with open(path) as file:
        text = file.read()
    rows = list(csv.DictReader(io.StringIO(text[:text.rfind("\n") + 1])))
    for row in rows:
        for name in row:
            if name != "loss":
                row[name] = (int if name in ("seed", "batches", "best_batch") else float)(row[name])
    return rows


def append_result(path, row):
    rows = read_results(path)
    text = ",".join(RESULT_FIELDS) + "\n" + "".join(
        ",".join(f"{one[name]:g}" if name in ("noise", "fraction") else str(one[name]) for name in RESULT_FIELDS) + "\n"
        for one in rows + [row])
    write_whole(path, text)


# Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)


def mean_and_spread(values):
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None


def exceeds(differences):
    """Whether the mean difference, seed by seed, is beyond what the seeds explain (95 % by Student's t)."""
    if len(differences) < 2:
        return "one seed"
    degrees = len(differences) - 1
    t = STUDENT[degrees - 1] if degrees <= len(STUDENT) else 2.1
    mean, spread = mean_and_spread(differences)
    return "yes" if abs(mean) > t * spread / math.sqrt(len(differences)) else "no"


def summarize(results, noises, fractions, seeds):
    """A row a fraction, noise and kind of weights, over the seeds that both losses have finished."""
    by_key = {(r["loss"], r["noise"], r["fraction"], r["seed"]): r for r in results}
    table = []
    for kind in ("last", "best"):
        for fraction in fractions:
            for noise in noises:
                common = [s for s in seeds if all((loss, noise, fraction, s) in by_key for loss in LOSSES)]
                if not common:
                    continue
                row = {"weights": kind, "fraction": fraction, "noise": noise, "seeds": len(common)}
                for top in ("top1", "topk"):
                    values = {loss: [100 * by_key[loss, noise, fraction, s][f"{top}_{kind}"] for s in common] for loss in LOSSES}
                    for loss in LOSSES:
                        row[f"{loss}_{top}"], row[f"{loss}_{top}_sd"] = mean_and_spread(values[loss])
                    differences = [b - a for a, b in zip(*(values[loss] for loss in LOSSES))]
                    row[f"difference_{top}"], row[f"difference_{top}_sd"] = mean_and_spread(differences)
                    row[f"exceeds_{top}"] = exceeds(differences)
                table.append(row)
    return table


def cells(row):
    def pair(name, sign=""):
        spread = row[name + "_sd"]
        return f"{row[name]:{sign}.1f}" + ("" if spread is None else f" ± {spread:.1f}")
    result = [f"{row['fraction']:g}", f"{row['noise']:g}"]
    for top in ("top1", "topk"):
        result += [pair("softmax_" + top), pair("smooth_topk_" + top), pair("difference_" + top, "+"), row["exceeds_" + top]]
    return result


def write_tables(out, table, settings):
    head = ["fraction", "noise"]
    for top in ("top-1", f"top-{settings['K']}"):
        head += [f"{top} softmax", f"{top} smooth_topk", "difference", "beyond seeds"]
    texts, marks = [], []
    names = {"last": "The last weights", "best": f"The best weights by validation top-{settings['K']}, as the paper selects"}
    note = (f"{settings['DATA']}, {settings['NETWORK']}, {settings['BATCHES']} batches, learning rates "
            f"{settings['rates']['softmax']:g} (softmax) and {settings['rates']['smooth_topk']:g} (smooth_topk), "
            f"k={settings['K']}, tau={settings['TAU']:g}, alpha={settings['ALPHA']:g}; percent, mean ± standard deviation over "
            f"{'/'.join(str(n) for n in sorted({row['seeds'] for row in table}))} seeds. The difference is smooth_topk less softmax, "
            "seed by seed; it is beyond the seeds where Student's t at 95 % says so. The best weights are selected by the "
            "images they are reported on, which flatters both losses.")
    for kind, name in names.items():
        rows = [cells(row) for row in table if row["weights"] == kind]
        widths = [max(len(line[i]) for line in [head] + rows) for i in range(len(head))]
        texts.append(name + "\n" + "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in [head] + rows))
        marks.append(f"{name}:\n\n| " + " | ".join(head) + " |\n|" + "--:|" * len(head) + "\n"
                     + "\n".join("| " + " | ".join(line) + " |" for line in rows))
    write_whole(out + "/table.txt", "\n\n".join([note] + texts) + "\n")
    write_whole(out + "/table.md", "\n\n".join([note] + marks) + "\n")
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.3f}" if isinstance(value, float) and name not in ("noise", "fraction") else value
                      for name, value in row.items()} for row in table)
    write_whole(out + "/table.csv", file.getvalue())
    return "\n\n".join([note] + texts)


# --- Plots

COLORS = {"softmax": "#1f77b4", "smooth_topk": "#d62728"}


def gnuplot(text):
    result = subprocess.run(["gnuplot"], input=text, text=True, capture_output=True)
    if result.returncode:
        raise Refused(f"gnuplot failed:\n{result.stderr}")


def block(name, rows):
    return f"${name} << EOD\n" + "".join(" ".join(str(v) for v in row) + "\n" for row in rows) + "EOD\n"


def plot(path, panels, columns, x_label, y_label, key):
    """panels: (title, [(curve's title, color, [(x, y, spread)])]) each."""
    lines = math.ceil(len(panels) / columns)
    text = (f"set terminal svg size {420 * columns},{330 * lines} background '#ffffff'\nset output '{path}'\n"
            f"set multiplot layout {lines},{columns}\nset key {key}\nset grid\nset yrange [0:100]\n"
            f"set xlabel '{x_label}'\nset ylabel '{y_label}'\n")
    for p, (title, curves) in enumerate(panels):
        for c, (_, _, rows) in enumerate(curves):
            text += block(f"d{p}_{c}", rows)
        text += f"set title '{title}'\nplot " + ", ".join(
            f"$d{p}_{c} using 1:2:3 with yerrorlines linewidth 2 pointtype 7 pointsize 0.5 linecolor rgb '{color}' title '{name}'"
            for c, (name, color, _) in enumerate(curves)) + "\n"
    gnuplot(text.replace("_topk'", "\\_topk'") + "unset multiplot\n")


def part_of_set(fraction):
    return "all of the training set" if fraction == 1 else f"{fraction:g} of the training set"


def plot_noise(out, table, settings):
    panels = []
    rows = [row for row in table if row["weights"] == "last"]
    for fraction in dict.fromkeys(row["fraction"] for row in rows):
        curves = [(loss, COLORS[loss], [(row["noise"], row[f"{loss}_topk"], row[f"{loss}_topk_sd"] or 0)
                                        for row in rows if row["fraction"] == fraction]) for loss in LOSSES]
        panels.append((part_of_set(fraction), curves))
    plot(out + "/noise.svg", panels, len(panels), "label noise p", f"validation top-{settings['K']}, %", "bottom left")


def plot_training(out, table, settings, seeds):
    """Mean over the seeds of validation top-k, at the mean of the times when it was measured."""
    panels = []
    rows = [row for row in table if row["weights"] == "last"]
    for row in rows:
        curves = []
        for loss in LOSSES:
            logs = [read_log(f"{out}/runs/{run_name(loss, row['noise'], row['fraction'], seed)}/log.csv") for seed in seeds]
            logs = [log for log in logs if log]
            points = []
            for at_once in zip(*logs):
                values = [100 * float(one[f"top{settings['K']}"]) for one in at_once]
                points.append((statistics.mean(float(one["seconds"]) for one in at_once), *(v or 0 for v in mean_and_spread(values))))
            curves.append((loss, COLORS[loss], points))
        panels.append((f"noise {row['noise']:g}, {part_of_set(row['fraction'])}", curves))
    plot(out + "/training.svg", panels, len({row["noise"] for row in rows}), "seconds of training", f"validation top-{settings['K']}, %", "bottom right")


# --- The two commands

def run_name(loss, noise, fraction, seed):
    return f"{loss}_p{noise:g}_f{fraction:g}_s{seed}"


def check_same_settings(settings, data):
    """Results of other settings do not belong into one table."""
    digest = hashlib.sha256()
    for text in data.labels + data.groups + data.train + data.valid + sum(settings["networks"].values(), []):
        digest.update(text.encode() + b"\n")
    now = {name: settings[name] for name in ("DATA", "NETWORK", "BATCHES", "K", "TAU", "ALPHA")}
    now.update({"LR_" + loss.upper(): settings["rates"][loss] for loss in LOSSES})
    now["files"] = digest.hexdigest()
    path = settings["OUT"] + "/settings.txt"
    if os.path.exists(path):
        before = dict(line.split("=", 1) for line in read_lines(path, "the settings of its results"))
        for name, value in now.items():
            if before.get(name) != str(value):
                what = "the lists of the data or the networks" if name == "files" else f"{name}={value}"
                raise Refused(f"{what}: the results in {settings['OUT']} are of {'others' if name == 'files' else name + '=' + str(before.get(name))}; "
                              "choose another OUT, or remove that one")
    write_whole(path, "".join(f"{name}={value}\n" for name, value in now.items()))


def write_valid(directory, data, paths):
    """The validation list and labels as the runs read them; the images are those of the data set, untouched."""
    os.makedirs(directory, exist_ok=True)
    write_whole(directory + "/labels.txt", "\n".join(data.labels) + "\n")
    write_whole(directory + "/valid.txt", "\n".join(paths) + "\n")
    return directory + "/valid.txt"


def make_run(settings, data, loss, noise, fraction, seed, name, rate, tau):
    key = {"loss": loss, "noise": noise, "fraction": fraction, "seed": seed, "name": name}
    text = network_text(settings["networks"][loss], settings, len(data.labels), rate, tau, loss == "smooth_topk")
    return Run(settings["OUT"], key, data.labels, text, settings)


def compare(settings):
    out = settings["OUT"]
    os.makedirs(out, exist_ok=True)
    lock = take_lock(out)
    data = load_data(settings)
    check_same_settings(settings, data)
    draws = out + "/data/draws"
    valid = write_valid(draws, data, data.valid)
    results_path = out + "/results.csv"
    finished = {(r["loss"], r["noise"], r["fraction"], r["seed"]) for r in read_results(results_path)}
    runs, lists = [], {}
    # The seeds are the outermost: a stopped comparison has whole tables of fewer seeds.
    for seed in settings["SEEDS"]:
        for fraction in settings["FRACTION"]:
            for noise in settings["NOISE"]:
                todo = [loss for loss in LOSSES if (loss, noise, fraction, seed) not in finished]
                if not todo:
                    continue
                train = draw(data, draws, noise, fraction, seed, range(len(data.train)))
                for loss in todo:
                    run = make_run(settings, data, loss, noise, fraction, seed, run_name(loss, noise, fraction, seed),
                                   settings["rates"][loss], settings["TAU"])
                    runs.append(run)
                    lists[run.key["name"]] = train
    total = len(LOSSES) * len(settings["SEEDS"]) * len(settings["FRACTION"]) * len(settings["NOISE"])
    print(f"{settings['DATA']}: {len(data.labels)} classes, {len(data.train)} images to train on, {len(data.valid)} to validate on; "
          f"{total} runs of {settings['BATCHES']} batches, {total - len(runs)} of them done before", flush=True)

    def finish(run):
        append_result(results_path, run.result())
        if os.path.exists(run.backup):
            os.remove(run.backup)
        report(settings)
    train_all(runs, settings["JOBS"], lists, valid, lock, settings["BATCHES"], finish)
    print(report(settings))
    print(f"\nTables: {out}/table.txt, table.md, table.csv; plots: {out}/noise.svg, training.svg; every run: {out}/results.csv")


def report(settings):
    table = summarize(read_results(settings["OUT"] + "/results.csv"), sorted(settings["NOISE"]),
                      sorted(settings["FRACTION"], reverse=True), settings["SEEDS"])
    if not table:
        return "no setting has runs of both losses yet"
    text = write_tables(settings["OUT"], table, settings)
    plot_noise(settings["OUT"], table, settings)
    plot_training(settings["OUT"], table, settings, settings["SEEDS"])
    return text


def spread_out(low, high, count):
    """count numbers from low to high, each the same multiple of the one before."""
    return [low * (high / low) ** (i / max(1, count - 1)) for i in range(count)]


def tune(settings):
    """As many runs for each loss; validated on a part of the training set, with its true labels."""
    out = settings["OUT"]
    os.makedirs(out, exist_ok=True)
    lock = take_lock(out)
    data = load_data(settings)
    if len(settings["NOISE"]) > 1 or len(settings["FRACTION"]) > 1 or len(settings["SEEDS"]) > 1:
        raise Refused("tune: takes one NOISE, one FRACTION and one of SEEDS")
    noise, fraction, seed = settings["NOISE"][0], settings["FRACTION"][0], settings["SEEDS"][0]
    apart = set(subset(data, range(len(data.train)), HELD_APART, "held apart"))
    draws = f"{out}/data/draws"
    valid = write_valid(draws, data, [data.train[i] for i in sorted(apart)])
    train = draw(data, draws, noise, fraction, seed, [i for i in range(len(data.train)) if i not in apart])
    candidates = [("smooth_topk", rate, tau) for tau in settings["TAUS"] for rate in settings["LRS"]]
    candidates += [("softmax", rate, None) for rate in spread_out(min(settings["LRS"]), max(settings["LRS"]), len(candidates))]
    runs = []
    for loss, rate, tau in candidates:
        name = f"{loss}_p{noise:g}_f{fraction:g}_s{seed}_b{settings['BATCHES']}_lr{rate:.4g}" + (f"_tau{tau:g}" if tau is not None else "")
        run = make_run(settings, data, loss, noise, fraction, seed, name, rate, tau)
        run.candidate = (loss, rate, tau)
        runs.append(run)

    def is_done(run):
        rows = read_log(run.log)
        return bool(rows) and int(rows[-1]["batch"]) == settings["BATCHES"]
    todo = [run for run in runs if not is_done(run)]
    print(f"{settings['DATA']}: tuned on {len(apart)} images of the training set, which no run trains on; {len(runs)} runs of "
          f"{settings['BATCHES']} batches, {len(runs) - len(todo)} of them done before", flush=True)
    failed = []
    train_all_but_diverged(todo, settings, train, valid, lock, failed)
    best = {}
    lines = [f"{'loss':12} {'rate':>8} {'tau':>6} {'top-1':>7} {'top-' + str(settings['K']):>7}"]
    rows = ["loss,rate,tau,top1,topk"]
    for run in runs:
        loss, rate, tau = run.candidate
        if run in failed:
            lines.append(f"{loss:12} {rate:8.4g} {'' if tau is None else format(tau, 'g'):>6} diverged")
            rows.append(f"{loss},{rate:.4g},{'' if tau is None else format(tau, 'g')},,")
            continue
        result = run.result()
        lines.append(f"{loss:12} {rate:8.4g} {'' if tau is None else format(tau, 'g'):>6} {100 * result['top1_best']:7.2f} {100 * result['topk_best']:7.2f}")
        rows.append(f"{loss},{rate:.4g},{'' if tau is None else format(tau, 'g')},{result['top1_best']},{result['topk_best']}")
        if loss not in best or result["topk_best"] > best[loss][0]:
            best[loss] = (result["topk_best"], rate, tau)
    write_whole(out + "/tune.csv", "\n".join(rows) + "\n")
    print("\n".join(lines))
    if len(best) < 2:
        raise Refused("every run of a loss diverged; try smaller LRS")
    print("The best by validation top-k; to compare with them:\n"
          f"  make compare LR_SOFTMAX={best['softmax'][1]:.4g} LR_SMOOTH_TOPK={best['smooth_topk'][1]:.4g} TAU={best['smooth_topk'][2]:g}")


def train_all_but_diverged(runs, settings, train, valid, lock, failed):
    """A rate that is too high is a result, not an error."""
    waiting = list(runs)
    while waiting:
        done = []
        try:
            train_all(waiting, settings["JOBS"], {run.key["name"]: train for run in waiting}, valid, lock, settings["BATCHES"], done.append)
            return
        except Refused:
            diverged = [run for run in waiting if run.process and run.process.returncode == 1 and "not finite" in run.end_of_output()]
            if not diverged:
                raise
            failed += diverged
            waiting = [run for run in waiting if run not in done and run not in diverged]


def main():
    commands = {"compare": compare, "tune": tune}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        asked = sys.argv[1:] in (["-h"], ["--help"])
        shown = sys.stdout if asked else sys.stderr
        print(__doc__ + "\nSettings:", file=shown)
        for name, (default, _, meaning) in SETTINGS.items():
            print(f"  {name:15} {meaning}{f' ({default})' if default else ''}", file=shown)
        sys.exit(0 if asked else 1)
    try:
        environment = dict(os.environ)
        if sys.argv[1] == "tune":
            for name, value in (("NOISE", "0.3"), ("FRACTION", "1"), ("SEEDS", "1")):
                environment[name] = environment.get(name) or value
        settings = read_settings(environment, sys.argv[1] == "tune")
        check_tools()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        commands[sys.argv[1]](settings)
    except Refused as reason:
        print(f"{sys.argv[1]}: {reason}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; started again, it goes on from here", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
