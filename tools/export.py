#!/usr/bin/env python3
"""Exports a trained classifier to other programs, with the probabilities that Darknet's own layer gives.

usage: tools/export.py x.cfg x.weights OUT.onnx [x.data]        for ONNX Runtime, OpenCV, and most others
       tools/export.py x.cfg x.weights OUT.cfg OUT.weights      for OpenCV 4 and Darknets without [smooth_topk]

x.data names the file of labels, which go into OUT.onnx. `make export CFG=x.cfg WEIGHTS=x.weights OUT=OUT.onnx
DATA=x.data` does the same; with OUT=OUT.cfg it writes OUT.weights too. docs/use.md says how to go on.
"""

import os
import re
import sys
from math import prod

sys.dont_write_bytecode = True  # tools/ stays as it is

from compare_data import Refused

USAGE = "usage: tools/export.py x.cfg x.weights OUT.onnx [x.data], or x.cfg x.weights OUT.cfg OUT.weights"


def need(module, package):
    try:
        __import__(module)
    except ImportError:
        raise Refused(f"Python's {module} is missing; install it with: apt-get install {package}") from None


def read_labels(data, classes):
    """The labels that a .data file names, as `classifier predict` prints them."""
    from export_cfg import read_text

    lines = [line.strip() for line in read_text(data).splitlines()]
    options = dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in lines if "=" in line and line[0] not in "#;")
    path = options.get("names") or options.get("labels")
    if not path:
        raise Refused(f"{data}: names no file of labels: needs names= or labels=")
    labels = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if len(labels) < classes:
        raise Refused(f"{path}: has {len(labels)} labels; the network has {classes} classes")
    return labels[:classes]


def replace_files(files, inputs):
    """Writes all of {path: bytes}, or none; never over one of the inputs."""
    temporaries = []
    try:
        for path, content in files.items():
            if any(os.path.exists(path) and os.path.samefile(path, other) for other in inputs):
                raise Refused(f"{path}: is what is exported; give the new file another name")
            temporaries.append(f"{path}.{os.getpid()}.tmp")
            with open(temporaries[-1], "wb") as file:
                file.write(content)
        for path, temporary in zip(files, temporaries):
            os.replace(temporary, path)
    except OSError as error:
        raise Refused(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        for temporary in temporaries:
            if os.path.exists(temporary):
                os.remove(temporary)


def export(cfg, weights, output, other):
    need("numpy", "python3-numpy")
    from export_network import read_network

    layers = read_network(cfg, weights)
    if output.endswith(".onnx"):
        need("onnx", "python3-onnx")
        from export_onnx import onnx_model

        labels = read_labels(other, prod(layers[-1].shape)) if other else []
        replace_files({output: onnx_model(layers, labels)}, (cfg, weights))
        return
    from export_darknet import darknet_files, unknown_to_opencv

    replace_files(dict(zip((output, other), darknet_files(layers, cfg))), (cfg, weights))
    unknown = ", ".join(unknown_to_opencv(layers))
    if unknown:
        print(f"{output}: for Darknets; OpenCV 4 does not know {unknown}: export to ONNX for it", file=sys.stderr)


def main(arguments):
    if arguments in (["-h"], ["--help"]):
        print(__doc__.strip())
        return
    cfg, weights, output, other = (*arguments, *[None] * 4)[:4]
    to_onnx = len(arguments) in (3, 4) and output.endswith(".onnx")
    if not to_onnx and not (len(arguments) == 4 and output.endswith(".cfg") and other.endswith(".weights")):
        raise Refused(USAGE)
    export(cfg, weights, output, other)


try:
    main(sys.argv[1:])
except Refused as error:
    sys.exit(f"export.py: {error}")
