"""Writes a network as a .cfg and a weights file that every Darknet and OpenCV 4 read: plain sections, all options."""

import struct

from export_plain import plain_layers

# --- The options of a layer's section, by its kind


def convolution(layer, number):
    options = {
        "filters": layer.shape[0],
        "size": layer.filters.shape[2],
        "stride": layer.stride,
        "padding": layer.padding,
    }
    return "convolutional", options | ({"groups": layer.groups} if layer.groups > 1 else {}) | {
        "activation": layer.activation
    }


def connected(layer, number):
    return "connected", {"output": layer.shape[0], "activation": layer.activation}


def local(layer, number):
    return "local", {
        "filters": layer.shape[0],
        "size": layer.size,
        "stride": layer.stride,
        "pad": layer.padding,
        "activation": layer.activation,
    }


def maxpool(layer, number):
    return "maxpool", {"size": layer.size, "stride": layer.stride, "padding": sum(layer.padding)}


def avgpool(layer, number):
    return "avgpool", {}


def route(layer, number):
    return "route", {"layers": ",".join(str(number[other]) for other in layer.inputs)}


def shortcut(layer, number):
    return "shortcut", {"from": number[layer.inputs[1]], "activation": layer.activation}


def reorg(layer, number):
    if layer.reverse or layer.flatten or layer.extra:
        layer.section.refuse("with reverse, flatten or extra is read otherwise by other programs; export to ONNX")
    return "reorg", {"stride": layer.stride}


def upsample(layer, number):
    if layer.scale != 1:
        layer.section.refuse("with scale is read otherwise by other programs; export to ONNX")
    return "upsample", {"stride": layer.stride}


def softmax(layer, number):
    if layer.temperature != 1:
        layer.section.refuse("with a temperature must be the last layer; export to ONNX")
    return "softmax", {"groups": layer.groups} if layer.groups > 1 else {}


SECTIONS = {function.__name__: function for function in (
    convolution, connected, local, maxpool, avgpool, route, shortcut, reorg, upsample, softmax)}


def section_text(name, options):
    return f"[{name}]\n" + "".join(f"{option}={value}\n" for option, value in options.items())


def darknet_files(layers, cfg):
    """The bytes of the .cfg and of the weights file. cfg: the network's file, named in the new one's first line."""
    layers = plain_layers(layers)
    number = {layer: i - 1 for i, layer in enumerate(layers)}
    channels, height, width = layers[0].shape
    text = [
        f"# Made by tools/export.py from {cfg}, for prediction: normalizations and temperature are in the weights.\n"
        + section_text("net", {"batch": 1, "subdivisions": 1, "height": height, "width": width, "channels": channels})
    ]
    numbers = [struct.pack("<iiiq", 0, 2, 0, 0)]
    for layer in layers[1:]:
        text.append(section_text(*SECTIONS[layer.kind](layer, number)))
        if layer.kind in ("convolution", "connected", "local"):
            numbers += [layer.bias.astype("<f4").tobytes(), layer.filters.astype("<f4").tobytes()]
    return "\n".join(text).encode(), b"".join(numbers)


def unknown_to_opencv(layers):
    """What OpenCV 4's reader of Darknet's files does not take, each with the first line that has it."""
    lines = {}
    for layer in layers[1:]:
        if layer.activation not in ("linear", "leaky", "logistic"):
            lines.setdefault(f"activation={layer.activation}", layer.section.line)
        if layer.kind == "local":
            lines.setdefault("[local]", layer.section.line)
        if layer.kind == "route" and len({other.shape[1:] for other in layer.inputs}) > 1:
            lines.setdefault("[route] of images of several sizes", layer.section.line)
        if layer.kind == "softmax" and layer.groups > 1:
            lines.setdefault(f"groups={layer.groups}", layer.section.line)
    return [f"{what} (line {line})" for what, line in lines.items()]
