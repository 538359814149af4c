"""A weights file of random numbers for a .cfg, for timings of what predicts: [convolutional] and [connected] alone.

usage: random_weights.py CFG FILE     the same numbers each time; means 0 and variances 1 of normalizations
"""
import array
import random
import sys


def sections(name):
    found = []
    for line in open(name):
        line = line.split("#")[0].strip()
        if line.startswith("["):
            found.append((line[1:-1], {}))
        elif line:
            key, value = line.split("=", 1)
            found[-1][1][key.strip()] = value.strip()
    return found


def main(cfg, name):
    random.seed(1)
    (_, net), *layers = sections(cfg)
    height, width, channels = int(net["height"]), int(net["width"]), int(net["channels"])
    shapes, numbers = [], array.array("f")
    for kind, options in layers:
        def get(key, default):
            return int(options.get(key, default))
        size, stride = get("size", 1), get("stride", 1)
        if kind in ("convolutional", "connected"):
            filters = get("filters", 1) if kind == "convolutional" else get("output", 1)
            inputs = channels * size * size if kind == "convolutional" else channels * height * width
            numbers.extend([0.] * filters)
            if get("batch_normalize", 0):
                numbers.extend([1.] * filters + [0.] * filters + [1.] * filters)
            deviation = (2 / inputs) ** .5
            numbers.extend(random.gauss(0, deviation) for _ in range(filters * inputs))
            pad = size // 2 if get("pad", 0) else get("padding", 0)
            height, width = ((n + 2 * pad - size) // stride + 1 if kind == "convolutional" else 1
                             for n in (height, width))
            channels = filters
        elif kind == "maxpool":
            height, width = ((n + get("padding", size - 1) - size) // stride + 1 for n in (height, width))
        elif kind == "upsample":
            height, width = height * get("stride", 2), width * get("stride", 2)
        elif kind == "avgpool":
            height = width = 1
        elif kind == "route":
            taken = [shapes[int(i) if int(i) >= 0 else len(shapes) + int(i)] for i in options["layers"].split(",")]
            height, width, channels = taken[0][0], taken[0][1], sum(shape[2] for shape in taken)
        elif kind not in ("yolo", "softmax", "smooth_topk", "dropout", "shortcut"):
            sys.exit(f"random_weights.py does not know [{kind}]")
        shapes.append((height, width, channels))
    with open(name, "wb") as file:
        array.array("i", [0, 2, 0, 0, 0]).tofile(file)
        numbers.tofile(file)


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
