"""A trained network as the exporters need it: the layers of a .cfg that act in prediction, with shapes and weights.

What only training needs is gone: [dropout] and [cost], and normalizations are folded into filters and biases.
"""

from math import prod

import numpy

from compare_data import Refused
from export_cfg import read_cfg
from export_weights import Weights, normalization

ACTIVATIONS = (
    "linear",
    "leaky",
    "relu",
    "logistic",
    "tanh",
    "elu",
    "selu",
    "relie",
    "plse",
    "hardtan",
    "lhtan",
    "ramp",
    "loggy",
    "stair",
)


class Layer:
    """One step of the network.

    kind     input, convolution, connected, local, maxpool, avgpool, route, shortcut, reorg, upsample, crop or softmax
    section  of the .cfg, for messages; None for the input
    number   Darknet's number of the layer
    inputs   the layers it reads
    shape    of its output for one image: (channels, height, width), or (numbers,)
    Further attributes by kind, as the functions below set them.
    """

    def __init__(self, kind, section, number, inputs, shape, **attributes):
        self.kind, self.section, self.number, self.inputs, self.shape = kind, section, number, inputs, shape
        self.activation = "linear"
        self.__dict__.update(attributes)

    def __str__(self):
        return f"layer {self.number} ([{self.section.name}], line {self.section.line})" if self.section else "the input"


def set_filters(layer, weights, filters, bias):
    """Keeps them in single precision, which they must fit."""
    with numpy.errstate(over="ignore"):
        layer.filters, layer.bias = filters.astype("f4"), bias.astype("f4")
    if not (numpy.isfinite(layer.filters).all() and numpy.isfinite(layer.bias).all()):
        raise Refused(f"{weights.path}: the weights of {layer} with their normalization are not finite")


def image_shape(section, layer):
    if len(layer.shape) != 3:
        section.refuse("the layer before it must output an image")
    return layer.shape


def steps(section, side, size, stride, padding):
    """How many places a window has along a side; padding is that of both ends together."""
    if side + padding < size:
        section.refuse(f"size={size}: out of range; must be at most {side + padding}, the image with its padding")
    return (side + padding - size) // stride + 1


def refuse_training_only(section):
    for name in ("dontload", "dontloadscales", "numload"):
        if section.whole(name, 0):
            section.refuse(
                f"{name}={section.options[name]}: not all its numbers are in the weights file; train a batch without it"
            )


def window_layer(kind, section, number, before, weights, side, stride, padding, **options):
    """A layer whose filters look at windows of side x side pixels."""
    _, height, width = image_shape(section, before)
    shape = [section.whole("filters", 1, 1)] + [steps(section, n, side, stride, 2 * padding) for n in (height, width)]
    activation = section.word("activation", "logistic", ACTIVATIONS)
    options.update(stride=stride, padding=padding, activation=activation)
    weights.layer = Layer(kind, section, number, [before], tuple(shape), **options)
    return weights.layer


# --- One function a section: the layer it makes after `before`, its numbers taken from `weights`


def convolutional(section, number, before, weights):
    """filters (n, channels / groups, size, size), bias (n,), stride, padding, groups"""
    channels = image_shape(section, before)[0]
    n, size, stride, groups = (section.whole(name, 1, 1) for name in ("filters", "size", "stride", "groups"))
    padding = size // 2 if section.whole("pad", 0) else section.whole("padding", 0)
    for name in ("binary", "xnor"):
        if section.whole(name, 0):
            section.refuse(f"{name}={section.options[name]}: cannot be exported")
    if channels % groups or n % groups:
        section.refuse(f"groups={groups}: must divide the channels, {channels}, and filters={n}")
    layer = window_layer("convolution", section, number, before, weights, size, stride, padding, groups=groups)
    bias = weights.take(n)
    factor, shift = normalization(weights, n) if section.whole("batch_normalize", 0) else (1, 0)
    filters = weights.take(n, channels // groups, size, size)
    if section.whole("flipped", 0):
        filters = filters.reshape(-1, n).T.reshape(filters.shape)
    set_filters(layer, weights, filters * numpy.reshape(factor, (-1, 1, 1, 1)), bias + shift)
    return layer


def connected(section, number, before, weights):
    """filters (outputs, inputs), bias (outputs,)"""
    outputs, inputs = section.whole("output", 1, 1), prod(before.shape)
    layer = weights.layer = Layer(
        "connected",
        section,
        number,
        [before],
        (outputs,),
        activation=section.word("activation", "logistic", ACTIVATIONS),
    )
    bias = weights.take(outputs)
    filters = weights.take(inputs, outputs).T if weights.transposed else weights.take(outputs, inputs)
    factor, shift = normalization(weights, outputs) if section.whole("batch_normalize", 0) else (1, 0)
    set_filters(layer, weights, filters * numpy.reshape(factor, (-1, 1)), bias + shift)
    return layer


def local(section, number, before, weights):
    """filters (places, n, channels * size * size), bias (n, height, width), size, stride, padding"""
    channels = image_shape(section, before)[0]
    n, size, stride = (section.whole(name, 1, 1) for name in ("filters", "size", "stride"))
    padding = section.whole("pad", 0)
    if padding and size != 2 * padding + 1:
        section.refuse(f"pad={padding}: out of range; must be 0, or half of size={size}, which must be odd")
    layer = window_layer("local", section, number, before, weights, size, stride, padding, size=size)
    bias = weights.take(*layer.shape)
    set_filters(layer, weights, weights.take(layer.shape[1] * layer.shape[2], n, channels * size * size), bias)
    return layer


def batchnorm(section, number, before, weights):
    """A convolution of single pixels, each channel by itself. Darknet does not save the section's biases."""
    channels = image_shape(section, before)[0]
    layer = weights.layer = Layer(
        "convolution", section, number, [before], before.shape, stride=1, padding=0, groups=channels
    )
    factor, shift = normalization(weights, channels)
    set_filters(layer, weights, factor.reshape(-1, 1, 1, 1), shift)
    return layer


def maxpool(section, number, before, weights):
    """size, stride, padding: (at the left and top, at the right and bottom)"""
    channels, height, width = image_shape(section, before)
    stride = section.whole("stride", 1, 1)
    size = section.whole("size", stride, 1)
    padding = section.whole("padding", size - 1)
    if padding > 2 * size - 2:
        section.refuse(f"padding={padding}: cannot be exported; must be at most {2 * size - 2}")
    shape = (channels, steps(section, height, size, stride, padding), steps(section, width, size, stride, padding))
    return Layer(
        "maxpool",
        section,
        number,
        [before],
        shape,
        size=size,
        stride=stride,
        padding=(padding // 2, padding - padding // 2),
    )


def avgpool(section, number, before, weights):
    return Layer("avgpool", section, number, [before], (image_shape(section, before)[0], 1, 1))


def crop(section, number, before, weights):
    """In prediction the middle of the image, times scale, plus shift; left, top"""
    channels, height, width = image_shape(section, before)
    h, w = section.whole("crop_height", 1, 1, height), section.whole("crop_width", 1, 1, width)
    scale, shift = (1, 0) if section.whole("noadjust", 0) else (2, -1)
    return Layer(
        "crop",
        section,
        number,
        [before],
        (channels, h, w),
        left=(width - w) // 2,
        top=(height - h) // 2,
        scale=scale,
        shift=shift,
    )


def reorg(section, number, before, weights):
    """stride, reverse, flatten, extra: the zeros that are put behind"""
    channels, height, width = image_shape(section, before)
    stride, extra = section.whole("stride", 1, 1), section.whole("extra", 0)
    reverse, flatten = section.whole("reverse", 0, 0, 1), section.whole("flatten", 0, 0, 1)
    area = stride * stride
    if extra and flatten:
        section.refuse(f"extra={extra}: must be 0 with flatten=1")
    if not extra and (channels % area or not reverse and (height % stride or width % stride)):
        section.refuse(
            f"stride={stride}: must divide the sides, {width} x {height}, and its square the channels, {channels}"
        )
    shape = (
        (channels // area, height * stride, width * stride)
        if reverse
        else (channels * area, height // stride, width // stride)
    )
    if extra:
        shape = (prod(before.shape) + extra,)
    return Layer(
        "reorg", section, number, [before], shape, stride=stride, reverse=reverse, flatten=flatten, extra=extra
    )


def upsample(section, number, before, weights):
    """stride, scale: a factor"""
    channels, height, width = image_shape(section, before)
    stride = section.whole("stride", 2, 1)
    return Layer(
        "upsample",
        section,
        number,
        [before],
        (channels, height * stride, width * stride),
        stride=stride,
        scale=section.number("scale", 1),
    )


def softmax(section, number, before, weights):
    """groups, temperature"""
    inputs, groups = prod(before.shape), section.whole("groups", 1, 1)
    for name in ("tree", "spatial"):
        if name in section.options:
            section.refuse(f"{name}={section.options[name]}: cannot be exported")
    if inputs % groups:
        section.refuse(f"groups={groups}: must divide the number of inputs, {inputs}")
    return Layer(
        "softmax",
        section,
        number,
        [before],
        (inputs,),
        groups=groups,
        temperature=section.number("temperature", 1, 1e-37),
    )


def top_k_loss(section, number, before, weights):
    """A softmax with the section's own temperature, by default [smooth_topk]'s mean of k tau over its k."""
    classes = prod(before.shape)
    section.word("output", "softmax", ("softmax",))
    temperature = 1
    if section.name == "smooth_topk":
        ks = section.wholes("k", "5", 1, classes - 1)
        taus, parts = section.numbers("tau", "1", 0), section.numbers("weights", ",".join("1" for _ in ks), 1e-37)
        taus = taus * len(ks) if len(taus) == 1 else taus
        if not len(taus) == len(parts) == len(ks):
            section.refuse(f"k={section.options.get('k', '5')}: tau and weights must have as many numbers as k")
        # As single as the layer's own: tau = 0 is the hard hinge, which has no temperature.
        temperature = sum(
            float(numpy.float32(part / sum(parts))) * k * (float(numpy.float32(tau)) if tau >= 1.2e-38 else 1)
            for k, tau, part in zip(ks, taus, parts)
        )
        temperature = min(temperature, float(numpy.finfo("f4").max))
    return Layer(
        "softmax",
        section,
        number,
        [before],
        (classes,),
        groups=1,
        temperature=section.number("temperature", temperature, 1e-37),
    )


# --- Sections that name layers by their numbers


def named(section, name, value, number, outputs):
    index = number + value if value < 0 else value
    if not 0 <= index < number:
        section.refuse(
            f"{name}={section.options[name]}: {value} is out of range; must be 0 to {number - 1}, or -{number} to -1"
        )
    return outputs[index]


def route(section, number, outputs):
    """Images of one size beside each other, channel by channel; of several sizes as plain numbers."""
    if "layers" not in section.options:
        section.refuse("needs layers, the numbers of those to join")
    inputs = [named(section, "layers", value, number, outputs) for value in section.wholes("layers", "")]
    shapes = [layer.shape for layer in inputs]
    if all(len(shape) == 3 and shape[1:] == shapes[0][1:] for shape in shapes):
        return Layer("route", section, number, inputs, (sum(shape[0] for shape in shapes), *shapes[0][1:]))
    return Layer("route", section, number, inputs, (sum(prod(shape) for shape in shapes),))


def shortcut(section, number, outputs):
    """alpha times the layer before plus beta times another, where both have channels; stride: of the other's pixels"""
    if not number or "from" not in section.options:
        section.refuse("needs a layer before it and from, the layer to add")
    before, other = outputs[number - 1], named(section, "from", section.whole("from", 0, -2147483647), number, outputs)
    (_, height, width), (_, other_height, other_width) = image_shape(section, before), image_shape(section, other)
    stride = other_width // width
    if stride < 1 or other_height // height != stride:
        section.refuse(
            f"from={section.options['from']}: its image of {other_width} x {other_height} is smaller than "
            f"{width} x {height}, or no multiple"
        )
    return Layer(
        "shortcut",
        section,
        number,
        [before, other],
        before.shape,
        stride=stride,
        alpha=section.number("alpha", 1),
        beta=section.number("beta", 1),
        activation=section.word("activation", "linear", ACTIVATIONS),
    )


MAKERS = {
    "convolutional": convolutional,
    "connected": connected,
    "local": local,
    "batchnorm": batchnorm,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "crop": crop,
    "reorg": reorg,
    "upsample": upsample,
    "softmax": softmax,
    "smooth_topk": top_k_loss,
    "topk_loss": top_k_loss,
}
JOINERS = {"route": route, "shortcut": shortcut}
PASSED = ("dropout", "compactness")  # nothing happens there but in training


def read_network(cfg, weights_file):
    """All layers, the input first; the last is the network's output."""
    net, *sections = read_cfg(cfg)
    shape = tuple(net.whole(name, 0) for name in ("channels", "height", "width"))
    if not all(shape):
        net.refuse("needs height, width and channels: what is exported takes images")
    for section in sections:
        if section.name not in (*MAKERS, *JOINERS, *PASSED, "cost"):
            section.refuse("cannot be exported; known are " + ", ".join((*MAKERS, *JOINERS, *PASSED)) + " and cost")
    weights = Weights(weights_file)
    layers = [Layer("input", None, -1, [], shape)]
    outputs = []  # of each of Darknet's layers: ours that has its numbers
    for number, section in enumerate(sections):
        refuse_training_only(section)
        before = outputs[-1] if outputs else layers[0]
        if section.name in PASSED or section.name == "cost" and all(s.name == "cost" for s in sections[number:]):
            outputs.append(before)
            continue
        if section.name == "cost":
            section.refuse("must be at the end")
        layer = (
            JOINERS[section.name](section, number, outputs)
            if section.name in JOINERS
            else MAKERS[section.name](section, number, before, weights)
        )
        if prod(layer.shape) > 2147483647:
            section.refuse(f"outputs {prod(layer.shape)} numbers; at most 2147483647")
        outputs.append(layer)
        layers.append(layer)
    weights.end()
    return layers
