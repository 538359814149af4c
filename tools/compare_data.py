"""The data sets of the comparison: glyphs, CIFAR-100 or a directory, in Darknet's layout; draws of noise and subset."""
import csv
import hashlib
import io
import math
import os
import random
import re
import shutil
import struct
import subprocess
import tarfile
import urllib.request
import zlib

CIFAR100_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
CIFAR100_MD5 = "03b5dce01913d631647c71ecec9e9cb8"  # as published on the data set's page


class Refused(Exception):
    """What is wrong, the value, and what to do."""


# --- Files

def write_whole(path, text):
    """Replaces a file whole or not at all, and leaves it alone where nothing changes. The name of a file may be in it,
    and be no UTF-8."""
    written = text.encode("utf-8", "surrogateescape")
    if os.path.exists(path):
        with open(path, "rb") as file:
            if file.read() == written:
                return
    # Several machines may write one file: each has a temporary one of its own.
    temporary = f"{path}.{os.uname().nodename}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(written)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise Refused(f"{path}: cannot be written: {error.strerror}") from None


def split_lines(path):
    """The lines of a text file, whatever editor wrote it."""
    with open(path, "rb") as file:
        text = file.read()
    if text[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in text:
        raise Refused(f"{path}: no text, or in UTF-16; save it as UTF-8")
    lines = re.split("\r\n|\r|\n", text.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape"))
    return lines[:-1] if lines[-1] == "" else lines


def read_lines(path, what):
    try:
        lines = [line for line in split_lines(path) if line.strip()]
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror}); it should hold {what}") from None
    if not lines:
        raise Refused(f"{path}: is empty; it should hold {what}")
    return lines


def files_below(folder):
    """The files in the folder and in the folders below it, also through links. Hidden ones are left out: programs
    make them (._1.jpg, .Trashes, .ipynb_checkpoints)."""
    def refuse(error):
        raise Refused(f"{error.filename}: cannot be read: {error.strerror}")

    def leads_up(path):
        return os.path.islink(path) and f"{os.path.realpath(os.path.dirname(path))}/".startswith(
            f"{os.path.realpath(path).rstrip('/')}/")
    found = []
    for where, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        folders[:] = [name for name in folders if name[0] != "." and not leads_up(f"{where}/{name}")]
        found += [os.path.join(where, name) for name in files if name[0] != "."]
    return sorted(found)


# --- Data sets: each becomes a directory in Darknet's layout

def make_glyphs(directory):
    if os.path.isfile(directory + "/complete"):
        return
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    program = "build/make_glyphs"
    if not os.access(program, os.X_OK):
        raise Refused(f"{program} is missing; run make build/make_glyphs in the root of the repository")
    if subprocess.call([program, "build/source/data/labels", directory, "-valid", "20"]):
        raise Refused("make_glyphs failed; it says above why")
    write_whole(directory + "/complete", "complete\n")


def write_png(path, width, height, planes):
    """planes: red, green, blue, each row by row."""
    rows = bytearray()
    for y in range(height):
        row = bytearray(3 * width)
        for c in range(3):
            row[c::3] = planes[c][y * width:(y + 1) * width]
        rows += b"\0" + row

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
        fine_groups = {}
        for split, name in (("train", "train.bin"), ("valid", "test.bin")):
            os.mkdir(f"{directory}/{split}")
            images, paths = member(name), []
            if not images or len(images) % record:
                raise Refused(f"{archive}: {name} has {len(images)} bytes, which are no whole images of {record} each")
            for i in range(len(images) // record):
                one = images[i * record:(i + 1) * record]
                if one[1] >= len(fine) or one[0] >= len(coarse) or fine_groups.setdefault(one[1], one[0]) != one[0]:
                    raise Refused(f"{archive}: image {i} of {name} is of class {one[0]}, {one[1]}, which cannot be")
                path = f"{directory}/{split}/{i:05d}_{fine[one[1]]}.png"
                write_png(path, side, side, [one[2 + c * side * side:2 + (c + 1) * side * side] for c in range(3)])
                paths.append(path)
            write_whole(f"{directory}/{split}.txt", "".join(path + "\n" for path in paths))
    # With the bare names "bee" would also be in "beetle", for Darknet.
    write_whole(directory + "/labels.txt", "".join(f"_{name}.\n" for name in fine))
    groups = [coarse[fine_groups[c]] if c in fine_groups else "none" for c in range(len(fine))]
    write_whole(directory + "/groups.txt", "".join(group + "\n" for group in groups))
    write_whole(directory + "/complete", "complete\n")


IMAGE_ENDS = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".pnm")
SPLITS = ("train", "valid", "val", "test")
WAY_OUT = ("put the images of each class into a folder of its name (train/NAME/, valid/NAME/), "
           "or lengthen the labels until each path holds one, as in _bee. for 1_bee.png")


class DataSet:
    """Images and their classes.

    A class's label is a line of labels.txt: an image belongs to the class whose label is the name of a folder of its
    path, or else a part of its path. Only the path below the directory counts. Without labels.txt each folder of train/
    is a class. Darknet itself takes an image's class from its whole path, so what it gets are links whose paths hold
    one label each (see link).

    labels.tsv, where it is there, says each image's labels instead: its path as seen from the directory, a TAB, its
    labels, separated by commas. Where an image has several of them, or none, `several` is true; then Darknet gets lists
    with labels behind a TAB, and train_classes has an image's first class, -1 for none."""

    def __init__(self, directory, k=None):
        """k: guesses, and the size of a group where no file says it; without it 5, of few classes half."""
        self.directory = directory
        self.other_files = []  # beside the images, in their folders
        train, valid = self.paths("train"), self.paths("valid", "val")
        self.train, self.valid = [path for path, _ in train], [path for path, _ in valid]
        both = set(map(os.path.realpath, self.train)) & set(map(os.path.realpath, self.valid))
        if both:
            raise Refused(f"{directory}: {sorted(both)[0]} is to train and to validate on")
        table = self.read_table()
        self.read_labels(train, table)
        if len(self.labels) < 2:
            raise Refused(f"{directory}: has one class, {self.labels[0]}; two are the least ({self.labels_from})")
        self.k = k or (5 if len(self.labels) >= 10 else len(self.labels) // 2)
        if len(self.labels) <= self.k:
            raise Refused(f"K={k}: must be smaller than {len(self.labels)}, the number of classes in "
                          + self.labels_from)
        self.groups = [str(c // self.k) for c in range(len(self.labels))]
        if os.path.exists(directory + "/groups.txt"):
            self.groups = read_lines(directory + "/groups.txt", "a line a class: the name of its group")
            if len(self.groups) != len(self.labels):
                raise Refused(f"{directory}/groups.txt has {len(self.groups)} lines, there are {len(self.labels)} "
                              f"classes in {self.labels_from}; both need one a class")
        self.train_labels, self.valid_labels = self.find_labels(train, table), self.find_labels(valid, table)
        self.several = any(len(labels) != 1 for labels in self.train_labels + self.valid_labels)
        self.train_classes, self.valid_classes = ([labels[0] if labels else -1 for labels in each]
                                                  for each in (self.train_labels, self.valid_labels))
        digits = len(str(len(self.labels) - 1))
        # What Darknet looks for in a path: a folder that is the class's alone, whatever its label.
        plain = [re.sub("[^A-Za-z0-9.-]+", "_", label).strip("_") for label in self.labels]
        self.tokens = [f"/{c:0{digits}d}_{label}/" for c, label in enumerate(plain)]
        self.linked = set()

    def read_table(self):
        """Of labels.tsv: the line and the labels of each path; None without that file."""
        file = self.directory + "/labels.tsv"
        if not os.path.exists(file):
            return None
        table = {}
        for number, line in enumerate(read_lines(file, "a line an image: its path, a TAB, its labels"), 1):
            path, tab, labels = line.partition("\t")
            path = os.path.normpath(path.strip())
            names = [name.strip() for name in labels.split(",")] if labels.strip() else []
            if not tab:
                raise Refused(f"{file}: line {number} has no TAB; a line is a path, a TAB and labels with commas "
                              "between them")
            if path in table:
                raise Refused(f"{file}: {path} is on the lines {table[path][0]} and {number}")
            if "" in names or len(set(names)) != len(names):
                fault = "empty" if "" in names else "there twice"
                raise Refused(f"{file}: line {number} has a label that is {fault}")
            table[path] = (number, names)
        return table

    def find_labels(self, images, table):
        """The classes of each image."""
        if table is None:
            return [[self.find_class(*one)] for one in images]
        file, result = self.directory + "/labels.tsv", []
        for path, _ in images:
            number, names = table.get(os.path.relpath(path, self.directory), (0, None))
            if names is None:
                raise Refused(f"{file}: has no line for {path}")
            for name in names:
                if name not in self.class_of_label:
                    raise Refused(f"{file}: line {number}: the label {name} is none of {self.labels_from}")
            result.append(sorted(self.class_of_label[name] for name in names))
        return result

    def read_labels(self, train, table):
        file = self.directory + "/labels.txt"
        if os.path.exists(file):
            self.labels_from = file
            self.labels = [line.strip() for line in read_lines(file, "a label a line: the name of a folder, or a part "
                                                               "of the paths, of the class's images")]
            seen = {}
            for line, label in enumerate(self.labels, 1):
                first = seen.setdefault(label.strip("/"), line)
                if first != line:
                    raise Refused(f"{file}: the label {label} is on the lines {first} and {line}; a class has one line")
        elif table is not None:
            self.labels_from = self.directory + "/labels.tsv"
            self.labels = sorted({name for _, names in table.values() for name in names})
            if not self.labels:
                raise Refused(f"{self.labels_from}: has no label")
        else:
            self.labels_from = f"the folders of {self.directory}/train"
            without = [path for path, inner in train if "/" not in below_split(inner)]
            if without:
                raise Refused(f"{self.directory}: has no labels.txt, and {without[0]} is in no folder of a class; "
                              f"write labels.txt, a label a line, or {WAY_OUT}")
            self.labels = sorted({below_split(inner).split("/")[0] for _, inner in train})
        self.class_of_folder = {label.strip("/"): c for c, label in enumerate(self.labels)}
        self.class_of_label = {label: c for c, label in enumerate(self.labels)}
        # At each place the longest label that begins there.
        longest_first = sorted(self.labels, key=len, reverse=True)
        self.pattern = re.compile("(?=(" + "|".join(map(re.escape, longest_first)) + "))")

    def paths(self, *names):
        """(path, its part that may say the class) of each image: from NAME.txt, with paths as from here or as from the
        directory; without it, all images in the folder NAME."""
        directory = self.directory
        for name in names:
            file, folder = f"{directory}/{name}.txt", f"{directory}/{name}"
            if os.path.exists(file):
                # What is behind a TAB are labels for Darknet; here labels.tsv has them.
                lines = [line.partition("\t")[0].strip() for line in read_lines(file, "the path of an image a line")]
                base = "" if os.path.exists(lines[0]) else directory
                found = [os.path.join(base, line) for line in lines]
                for path, line in zip(found, lines):
                    if not os.path.exists(path):
                        seen_from = ("neither from here nor from " + directory if path == found[0] else
                                     "seen from " + (base or "here"))
                        raise Refused(f"{file}: there is no {line}, {seen_from}")
                return [(path, inner) for path, inner in zip(found, below(directory, found))]
            if os.path.isdir(folder):
                files = files_below(folder)
                found = [path for path in files if os.path.splitext(path)[1].lower() in IMAGE_ENDS]
                if not found:
                    raise Refused(f"{folder}: holds no images ({', '.join(IMAGE_ENDS)})")
                images = set(found)
                self.other_files += [path for path in files if path not in images]
                return [(path, "./" + os.path.relpath(path, folder)) for path in found]
        raise Refused(f"{directory}: has neither {names[0]}.txt, a list of images, nor {names[0]}, a folder of them")

    def find_class(self, path, inner):
        # A folder train/ of all images says nothing, unless nothing else does.
        for part in dict.fromkeys((below_split(inner), inner)):
            found = {self.class_of_folder[folder] for folder in part.split("/")[:-1] if folder in self.class_of_folder}
            found = found or self.labels_in("/" + part)
            if len(found) == 1:
                return found.pop()
            if found:
                break
        held = "the labels " + ", ".join(sorted(self.labels[c] for c in found))
        if not found:
            some = ", ".join(self.labels[:5]) + (", ..." if len(self.labels) > 5 else "")
            held = f"none of the {len(self.labels)} labels of {self.labels_from} ({some})"
        raise Refused(f"{path}: its path below {self.directory} holds {held}, and must hold one; {WAY_OUT}")

    def labels_in(self, text):
        """The classes whose labels are in the text, but for those that are there only as a part of another label."""
        places = [(match.start(1), match.end(1), match.group(1)) for match in self.pattern.finditer(text)]
        return {self.class_of_label[label] for begin, end, label in places
                if not any(b <= begin and end <= e and e - b > end - begin for b, e, _ in places)}

    def without_images(self):
        """The labels of classes that no training image belongs to."""
        there = {c for labels in self.train_labels for c in labels}
        return [label for c, label in enumerate(self.labels) if c not in there]

    def listed(self, image, classes):
        """The line of an image of several classes in Darknet's list."""
        return image + "\t" + ",".join(self.labels[c] for c in classes)

    def link(self, directory, number, image, c):
        """Makes a link to an image, whose path holds the token of class c and of no other, and returns that path."""
        path = f"{directory}{self.tokens[c]}{number:06d}{os.path.splitext(image)[1].lower()}"
        if path in self.linked:
            return path
        if any(token in f"/{directory}/" for token in self.tokens):
            raise Refused(f"{directory}: holds the name of a class's folder; choose another OUT")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        target = os.path.relpath(os.path.realpath(image), os.path.realpath(os.path.dirname(path)))
        if not os.path.islink(path) or os.readlink(path) != target:
            if os.path.lexists(path):
                os.remove(path)
            os.symlink(target, path)
        self.linked.add(path)
        return path


def below(directory, paths):
    """Each path as seen from the directory; those outside of it as seen from the folder that they have in common."""
    base = os.path.abspath(directory) + "/"
    full = [os.path.abspath(path) for path in paths]
    outside = [os.path.dirname(path) for path in full if not path.startswith(base)]
    common = os.path.commonpath(outside).rstrip("/") + "/" if outside else ""
    return [path[len(base):] if path.startswith(base) else path[len(common):] for path in full]


def below_split(inner):
    first, _, rest = inner.partition("/")
    return rest if rest and first in SPLITS + (".",) else inner


def load_data(settings):
    data = settings["DATA"]
    directory = data
    if data == "glyphs":
        directory = settings["OUT"] + "/data/glyphs"
        make_glyphs(directory)
    elif data == "cifar100":
        directory = "build/cifar100"
        if not os.path.exists(directory + "/complete"):
            archive = fetch_cifar100(settings["CIFAR100"])
            print(f"unpacking {archive} to {directory}", flush=True)
            unpack_cifar100(archive, directory)
    return DataSet(directory, settings["K"])


# --- Draws of noise and subset

def uniform(seed, purpose, i):
    """A number of its own for each image, by its line in train.txt, and purpose: so a smaller part is a part of the
    larger, and a label redrawn at one noise is redrawn, in the same way, at a greater one."""
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
    """Writes NAME.txt, the paths to train on, and NAME.labels.csv, what each was and is; returns the first's path."""
    if data.several and noise:
        raise Refused(f"NOISE={noise:g}: must be 0 where images have several labels, or none "
                      f"({data.directory}/labels.tsv)")
    name = f"{directory}/draws/p{noise:g}_f{fraction:g}_s{seed}"
    os.makedirs(directory + "/draws", exist_ok=True)
    lines, table = [], io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("path", "label", "true_label", "image"))
    for i in subset(data, indexes, fraction, seed):
        image, true = data.train[i], data.train_classes[i]
        if data.several:
            lines.append(data.listed(image, data.train_labels[i]))
            continue
        label = redrawn_class(data, i, noise, seed)
        lines.append(data.link(directory + "/train", i, image, label))
        rows.writerow((lines[-1], data.labels[label], data.labels[true], image))
    write_whole(name + ".labels.csv", table.getvalue())
    write_whole(name + ".txt", "\n".join(lines) + "\n")
    return name + ".txt"


def write_valid(data, directory, split, indexes):
    """Writes the validation list, some images of data.train or of data.valid, and the labels that Darknet looks for in
    paths. Returns both files."""
    images, labels = (data.train, data.train_labels) if split == "train" else (data.valid, data.valid_labels)
    os.makedirs(directory + "/draws", exist_ok=True)
    write_whole(directory + "/draws/labels.txt", "\n".join(data.labels if data.several else data.tokens) + "\n")
    lines = [data.listed(images[i], labels[i]) if data.several else
             data.link(f"{directory}/{split}", i, images[i], labels[i][0]) for i in indexes]
    write_whole(directory + "/draws/valid.txt", "".join(line + "\n" for line in lines))
    return directory + "/draws/valid.txt", directory + "/draws/labels.txt"
