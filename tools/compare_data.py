"""The data sets of the comparison: glyphs, CIFAR-100 or a directory, in Darknet's layout, and the draws of noise and subset."""
import hashlib
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
    write_whole(directory + "/complete", "complete\n")


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
        if not os.path.exists(directory + "/complete"):
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
