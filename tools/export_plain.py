"""A network of such layers alone as every reader of Darknet's files has, with the same output: the temperature in the
weights, [crop] and factors as convolutions, pixels picked by [maxpool]."""

import numpy

from export_network import Layer

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


def convolution_of_channels(section, before, shape, filters, shift):
    """Each channel by itself: filters channels x 1 x size x size, shift for all."""
    channels = shape[0]
    bias = numpy.full(channels, shift, "f4")
    return Layer(
        "convolution", section, None, [before], shape, filters=filters, bias=bias, stride=1, padding=0, groups=channels
    )


def convolution_of_crop(layer):
    """Filters that pick a pixel and do its arithmetic."""
    (channels, height, width), (_, h, w) = layer.inputs[0].shape, layer.shape
    if height - h != width - w:
        layer.section.refuse(f"crop_width={w} and crop_height={h}: must cut as many columns as rows, or export to ONNX")
    size = height - h + 1
    filters = numpy.zeros((channels, 1, size, size), "f4")
    filters[:, 0, layer.top, layer.left] = layer.scale
    return convolution_of_channels(layer.section, layer.inputs[0], layer.shape, filters, layer.shift)


def multiplied(section, before, factors):
    """The channels times a factor each."""
    filters = numpy.reshape(factors, (-1, 1, 1, 1)).astype("f4")
    return convolution_of_channels(section, before, before.shape, filters, 0)


def picked(section, before, stride):
    """Every stride-th pixel. Upstream's convolutions of size 1 take others, and no other program has such shortcuts."""
    channels, height, width = before.shape
    shape = (channels, (height - 1) // stride + 1, (width - 1) // stride + 1)
    return Layer("maxpool", section, None, [before], shape, size=1, stride=stride, padding=(0, 0))


def steps_of_shortcut(layer):
    """The layers that make of it the sum of two images of a size, and it."""
    section, (before, other) = layer.section, layer.inputs
    common = min(before.shape[0], other.shape[0])
    steps = []
    if layer.stride > 1 or layer.beta != 1:
        steps.append(Layer("route", section, None, [other], other.shape))
        if layer.stride > 1:
            steps.append(picked(section, steps[-1], layer.stride))
        if layer.beta != 1:
            steps.append(multiplied(section, steps[-1], [layer.beta] * other.shape[0]))
        other = steps[-1]
        if other.shape[1:] != before.shape[1:]:
            section.refuse("its images fit in Darknet alone; export to ONNX")
        steps.append(Layer("route", section, None, [before], before.shape))
        before = steps[-1]
    if layer.alpha != 1:
        factors = [layer.alpha] * common + [1] * (before.shape[0] - common)
        before = multiplied(section, before, factors)
        steps.append(before)
    layer.inputs = [before, other]
    return steps + [layer]


def plain_layers(layers):
    """The same network. The layers given are changed."""
    fold_temperature(layers)
    plain, replaced = [], {}
    for layer in layers:
        layer.inputs = [replaced.get(other, other) for other in layer.inputs]
        if layer.kind == "crop":
            replaced[layer] = convolution_of_crop(layer)
            plain.append(replaced[layer])
            continue
        if layer.kind == "convolution" and layer.stride > 1 and layer.filters.shape[2] == 1 and not layer.padding:
            plain.append(picked(layer.section, layer.inputs[0], layer.stride))
            layer.inputs, layer.stride = [plain[-1]], 1
        plain += steps_of_shortcut(layer) if layer.kind == "shortcut" else [layer]
    return plain
