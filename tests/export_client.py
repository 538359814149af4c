"""Shows an exported network images of its own size, in another program, and prints a line each: path, probabilities.

usage: export_client.py onnxruntime x.onnx LIST | opencv x.onnx LIST | opencv x.cfg x.weights LIST
       export_client.py differ A B    exits with 1 where two such outputs differ by more than 1e-5, or one is not finite
"""

import sys

import numpy


def read_rows(path):
    rows = [line.rstrip("\n").split("\t") for line in open(path)]
    return [row[0] for row in rows], numpy.array([row[1:] for row in rows], "f8")


def differ(a, b):
    (paths, ours), (others, theirs) = read_rows(a), read_rows(b)
    difference = abs(ours - theirs).max() if ours.shape == theirs.shape else numpy.inf
    print(
        f"{len(paths)} images, {ours.shape[1]} classes, largest difference {difference:.2g}, "
        f"largest probability {ours.max():.3g}"
    )
    return not (paths == others and len(paths) and difference <= 1e-5)


def read_pixels(path):
    """Of an image as Darknet reads it: planes of red, green, blue (or one of gray) from 0 to 1."""
    import cv2

    image = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    image = image[:, :, None] if image.ndim == 2 else image[:, :, 2::-1]
    return image.transpose(2, 0, 1).astype("f4") / 255


def main(program, model, *others):
    images = [line.strip() for line in open(others[-1])]
    if program == "onnxruntime":
        import onnxruntime

        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

        def predict(batch):
            return session.run(None, {"image": batch})[0]

    else:
        import cv2

        net = cv2.dnn.readNetFromDarknet(model, others[0]) if model.endswith(".cfg") else cv2.dnn.readNetFromONNX(model)

        def predict(batch):
            net.setInput(batch)
            return net.forward()

    for first in range(0, len(images), 7):  # more than one at once
        paths = images[first : first + 7]
        rows = predict(numpy.stack([read_pixels(path) for path in paths])).reshape(len(paths), -1)
        for path, row in zip(paths, rows):
            print(path, *(f"{p:.9g}" for p in row), sep="\t")


if sys.argv[1] == "differ":
    sys.exit(differ(*sys.argv[2:]))
main(*sys.argv[1:])
