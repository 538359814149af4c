#!/usr/bin/env python3
"""Exports a trained classifier to other programs, with the probabilities that Darknet's own layer gives.

usage: tools/export.py x.cfg x.weights OUT.onnx [x.data] [x.sets]     for ONNX Runtime, OpenCV, and most others
       tools/export.py x.cfg x.weights OUT.cfg OUT.weights [x.sets]   for OpenCV 4 and Darknets without [smooth_topk]

x.data names the file of labels, which go into OUT.onnx. x.sets is a file of `classifier calibrate`: the probabilities
get the temperature that it has fitted. `make export CFG=x.cfg WEIGHTS=x.weights OUT=OUT.onnx DATA=x.data SETS=x.sets`
does the same; with OUT=OUT.cfg it writes OUT.weights too. docs/use.md says how to go on.
"""

import os
import re
import sys
from math import prod

sys.dont_write_bytecode = True  # tools/ stays as it is

from compare_data import Refused

USAGE = (
    "usage: tools/export.py x.cfg x.weights OUT.onnx [x.data] [x.sets], or "
    "x.cfg x.weights OUT.cfg OUT.weights [x.sets]"
)


def need(*modules):
    missing = []
    for module in modules:
        try:
            __import__(module)
        except ImportError:
            missing.append(module)
    if missing:
        packages = " ".join(f"python3-{module}" for module in missing)
        raise Refused(f"Python's {' and '.join(missing)} missing; install with: apt-get install {packages}")


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


def export(cfg, weights, outputs, data, sets):
    """outputs: the name of an ONNX model, or those of a .cfg and a weights file. data and sets may be None."""
    need(*(["numpy", "onnx"] if len(outputs) == 1 else ["numpy"]))
    from export_network import read_network
    from export_sets import set_fitted_temperature

    layers = read_network(cfg, weights)
    if sets:
        set_fitted_temperature(sets, layers[-1], weights)
    if len(outputs) == 1:
        from export_onnx import onnx_model

        contents = [onnx_model(layers, read_labels(data, prod(layers[-1].shape)) if data else [])]
        unknown = None
    else:
        from export_darknet import darknet_files, unknown_to_opencv

        contents = darknet_files(layers, cfg)
        unknown = ", ".join(unknown_to_opencv(layers))
    replace_files(dict(zip(outputs, contents)), (cfg, weights))
    print("written:", *outputs)
    if unknown:
        print(f"{outputs[0]}: for Darknets; OpenCV 4 does not know {unknown}: export to ONNX for it", file=sys.stderr)


def main(arguments):
    if arguments in (["-h"], ["--help"]):
        print(__doc__.strip())
        return
    cfg, weights, *rest = arguments if len(arguments) > 2 else ["", "", ""]
    endings = [os.path.splitext(name)[1] for name in rest]
    outputs = 1 if endings[0] == ".onnx" else 2
    others = [[], [".sets"]] + [[".data"], [".data", ".sets"]] * (outputs == 1)
    if endings[:outputs] not in ([".onnx"], [".cfg", ".weights"]) or endings[outputs:] not in others:
        raise Refused(USAGE)
    also = dict(zip(endings[outputs:], rest[outputs:]))
    export(cfg, weights, rest[:outputs], also.get(".data"), also.get(".sets"))


try:
    main(sys.argv[1:])
except Refused as error:
    sys.exit(f"export.py: {error}")
