"""Writes a network as a .cfg and a weights file that every Darknet and OpenCV 4 read: plain sections, all options said,
the softmax's temperature folded into the weights before it, [crop] as a convolution."""

import struct

import numpy

# f(a x) = a f(x) for a > 0: a factor on the scores may pass.
HOMOGENEOUS = ("linear", "leaky", "relu", "relie", "ramp")
# Layers that only pick, move or average numbers: a factor may pass.
TRANSPARENT = ("avgpool", "maxpool", "reorg", "upsample")


def refuse_fold(softmax, layer, why):
    softmax.section.refuse(
        f"temperature {softmax.temperature:g} cannot be folded into weights: {layer} {why}. Export to ONNX, "
        "which keeps the temperature, or end the network with a layer of activation=linear and train that"
    )


def fold_temperature(layers):
    """Divides what the last softmax reads by its temperature."""
    softmax = layers[-1]
    if softmax.kind != "softmax" or softmax.temperature == 1:
        return
    layer, reader = softmax.inputs[0], softmax
    while True:
        if sum(layer in other.inputs for other in layers) > 1:
            refuse_fold(softmax, layer, f"is read by others than {reader}")
        if layer.kind not in TRANSPARENT and not (layer.kind == "route" and len(layer.inputs) == 1):
            break
        layer, reader = layer.inputs[0], layer
    if layer.kind not in ("convolution", "connected", "local"):
        refuse_fold(softmax, layer, "has no weights")
    if layer.activation not in HOMOGENEOUS:
        refuse_fold(softmax, layer, f"has activation={layer.activation}")
    with numpy.errstate(over="ignore"):
        layer.filters, layer.bias = layer.filters / softmax.temperature, layer.bias / softmax.temperature
    if not (numpy.isfinite(layer.filters).all() and numpy.isfinite(layer.bias).all()):
        refuse_fold(softmax, layer, "would have weights that are not finite")
    softmax.temperature = 1


def convolution_of_crop(layer):
    """Filters that pick a pixel and do its arithmetic: other readers know no [crop]."""
    (channels, height, width), (_, h, w) = layer.inputs[0].shape, layer.shape
    if height - h != width - w:
        layer.section.refuse(f"crop_width={w} and crop_height={h}: must cut as many columns as rows, or export to ONNX")
    size = height - h + 1
    filters = numpy.zeros((channels, 1, size, size), "f4")
    filters[:, 0, layer.top, layer.left] = layer.scale
    layer.__dict__.update(
        kind="convolution",
        filters=filters,
        bias=numpy.full(channels, layer.shift, "f4"),
        stride=1,
        padding=0,
        groups=channels,
    )


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
    if layer.stride > 1 or (layer.alpha, layer.beta) != (1, 1):
        layer.section.refuse(
            "of another size, or with alpha or beta, is read differently by other programs; export to ONNX"
        )
    return "shortcut", {"from": number[layer.inputs[1]], "activation": layer.activation}


def reorg(layer, number):
    if layer.reverse or layer.flatten or layer.extra:
        layer.section.refuse("with reverse, flatten or extra is read differently by other programs; export to ONNX")
    return "reorg", {"stride": layer.stride}


def upsample(layer, number):
    if layer.scale != 1:
        layer.section.refuse("with scale is read differently by other programs; export to ONNX")
    return "upsample", {"stride": layer.stride}


def softmax(layer, number):
    if layer.temperature != 1:
        layer.section.refuse("with a temperature must be the last layer; export to ONNX")
    return "softmax", {"groups": layer.groups} if layer.groups > 1 else {}


SECTIONS = {
    "convolution": convolution,
    "connected": connected,
    "local": local,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "route": route,
    "shortcut": shortcut,
    "reorg": reorg,
    "upsample": upsample,
    "softmax": softmax,
}


def section_text(name, options):
    return f"[{name}]\n" + "".join(f"{option}={value}\n" for option, value in options.items())


def darknet_files(layers, cfg):
    """The bytes of the .cfg and of the weights file. cfg: the network's file, named in the new one's first line."""
    fold_temperature(layers)
    for layer in layers:
        if layer.kind == "crop":
            convolution_of_crop(layer)
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
        if layer.kind == "softmax" and layer.groups > 1:
            lines.setdefault(f"groups={layer.groups}", layer.section.line)
    return [f"{what} (line {line})" for what, line in lines.items()]
