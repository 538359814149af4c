"""Writes a network as an ONNX model: float32, any number of images at once, probabilities out."""

from math import prod

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

# What the oldest readers in use take: ONNX 1.8 of 2020.
OPSET, IR_VERSION = 13, 7


class Graph:
    """Nodes and constants, each under a name of its own."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, values, dtype="f4"):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(numpy.array(values, dtype), name))
        return name

    def add(self, operator, *inputs, **attributes):
        """A node; returns the name of its output."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def reshape(self, x, *shape):
        """To the shape, for each image."""
        return self.add("Reshape", x, self.constant([-1, *shape], "i8"))

    def slice(self, x, axis_starts_ends_steps):
        """Parts along axes: (axis, start, end, step) each."""
        axes, starts, ends, steps = (self.constant(values, "i8") for values in zip(*axis_starts_ends_steps))
        return self.add("Slice", x, starts, ends, axes, steps)


# --- Activations, as Darknet has them


def sum_with_slope(graph, x, clipped, slope):
    """clipped + slope (x - the part of x that is cut to the same range)"""
    inside, y = clipped
    outside = graph.add("Mul", graph.add("Sub", x, inside), graph.constant(slope))
    return graph.add("Add", y, outside)


def clip(graph, x, low, high):
    return graph.add("Clip", x, graph.constant(low), graph.constant(high))


def linear_between(graph, x, factor, shift):
    return graph.add("Add", graph.add("Mul", x, graph.constant(factor)), graph.constant(shift))


def plse(graph, x):
    inside = clip(graph, x, -4, 4)
    return sum_with_slope(graph, x, (inside, linear_between(graph, inside, 0.125, 0.5)), 0.01)


def lhtan(graph, x):
    inside = clip(graph, x, 0, 1)
    return sum_with_slope(graph, x, (inside, inside), 0.001)


def stair(graph, x):
    """floor(x / 2), plus the part after the point where floor(x) is odd"""
    floor = graph.add("Floor", x)
    half = graph.add("Floor", graph.add("Mul", x, graph.constant(0.5)))
    odd = graph.add("Sub", floor, graph.add("Add", half, half))
    return graph.add("Add", half, graph.add("Mul", odd, graph.add("Sub", x, floor)))


ACTIVATIONS = {
    "linear": lambda graph, x: x,
    "leaky": lambda graph, x: graph.add("LeakyRelu", x, alpha=0.1),
    "relu": lambda graph, x: graph.add("Relu", x),
    "logistic": lambda graph, x: graph.add("Sigmoid", x),
    "tanh": lambda graph, x: graph.add("Tanh", x),
    "elu": lambda graph, x: graph.add("Elu", x, alpha=1.0),
    "selu": lambda graph, x: graph.add("Selu", x, alpha=1.6732, gamma=1.0507),
    "relie": lambda graph, x: graph.add("LeakyRelu", x, alpha=0.01),
    "ramp": lambda graph, x: graph.add("Mul", graph.add("LeakyRelu", x, alpha=0.1 / 1.1), graph.constant(1.1)),
    "loggy": lambda graph, x: linear_between(graph, graph.add("Sigmoid", x), 2, -1),
    "hardtan": lambda graph, x: clip(graph, x, -1, 1),
    "plse": plse,
    "lhtan": lhtan,
    "stair": stair,
}


# --- Layers: each takes the names of its inputs and returns that of its output


def convolution(graph, layer, x):
    size = layer.filters.shape[2]
    return graph.add(
        "Conv",
        x,
        graph.constant(layer.filters),
        graph.constant(layer.bias),
        kernel_shape=[size, size],
        strides=[layer.stride] * 2,
        pads=[layer.padding] * 4,
        group=layer.groups,
    )


def connected(graph, layer, x):
    x = graph.reshape(x, prod(layer.inputs[0].shape))
    return graph.add("Gemm", x, graph.constant(layer.filters), graph.constant(layer.bias), transB=1)


def local(graph, layer, x):
    """A convolution whose filters copy the window's pixels to channels, then a product for each place."""
    channels, (n, height, width) = layer.inputs[0].shape[0], layer.shape
    pixels = channels * layer.size**2
    copies = graph.constant(numpy.eye(pixels).reshape(pixels, channels, layer.size, layer.size))
    x = graph.add(
        "Conv", x, copies, kernel_shape=[layer.size] * 2, strides=[layer.stride] * 2, pads=[layer.padding] * 4
    )
    x = graph.add("Transpose", graph.reshape(x, pixels, height * width), perm=[2, 0, 1])
    x = graph.add("MatMul", x, graph.constant(layer.filters.transpose(0, 2, 1)))
    x = graph.reshape(graph.add("Transpose", x, perm=[1, 2, 0]), n, height, width)
    return graph.add("Add", x, graph.constant(layer.bias))


def maxpool(graph, layer, x):
    before, after = layer.padding
    return graph.add(
        "MaxPool", x, kernel_shape=[layer.size] * 2, strides=[layer.stride] * 2, pads=[before] * 2 + [after] * 2
    )


def avgpool(graph, layer, x):
    return graph.add("GlobalAveragePool", x)


def route(graph, layer, *inputs):
    if len(layer.shape) == 1:
        inputs = [graph.reshape(x, prod(i.shape)) for x, i in zip(inputs, layer.inputs)]
    return graph.add("Concat", *inputs, axis=1) if len(inputs) > 1 else inputs[0]


def shortcut(graph, layer, x, other):
    (channels, height, width), other_channels = layer.shape, layer.inputs[1].shape[0]
    common = min(channels, other_channels)
    stride = layer.stride
    if stride > 1 or common < other_channels:
        other = graph.slice(
            other,
            [(1, 0, common, 1), (2, 0, (height - 1) * stride + 1, stride), (3, 0, (width - 1) * stride + 1, stride)],
        )
    if layer.beta != 1:
        other = graph.add("Mul", other, graph.constant(layer.beta))
    if common < channels:
        other = graph.add("Pad", other, graph.constant([0, 0, 0, 0, 0, channels - common, 0, 0], "i8"))
    if layer.alpha != 1:
        factors = [layer.alpha] * common + [1] * (channels - common)
        x = graph.add("Mul", x, graph.constant(numpy.reshape(factors, (-1, 1, 1))))
    return graph.add("Add", x, other)


def reorg(graph, layer, x):
    (channels, height, width), stride = layer.inputs[0].shape, layer.stride
    area = stride * stride
    if layer.extra:
        return graph.add(
            "Pad", graph.reshape(x, channels * height * width), graph.constant([0, 0, 0, layer.extra], "i8")
        )
    if layer.flatten:
        x = graph.reshape(x, *((height * width, channels) if layer.reverse else (channels, height * width)))
        x = graph.add("Transpose", x, perm=[0, 2, 1])
    elif layer.reverse:
        x = graph.reshape(x, stride, stride, channels // area, height, width)
        x = graph.add("Transpose", x, perm=[0, 3, 4, 1, 5, 2])
    else:
        x = graph.reshape(x, channels // area, height, stride, width, stride)
        x = graph.add("Transpose", x, perm=[0, 3, 5, 1, 2, 4])
    return graph.reshape(x, *layer.shape)


def upsample(graph, layer, x):
    (channels, height, width), stride = layer.inputs[0].shape, layer.stride
    x = graph.add(
        "Mul",
        graph.reshape(x, channels, height, 1, width, 1),
        graph.constant(numpy.full((stride, 1, stride), layer.scale)),
    )
    return graph.reshape(x, *layer.shape)


def crop(graph, layer, x):
    (_, height, width), left, top = layer.shape, layer.left, layer.top
    x = graph.slice(x, [(2, top, top + height, 1), (3, left, left + width, 1)])
    return linear_between(graph, x, layer.scale, layer.shift) if layer.scale != 1 else x


def softmax(graph, layer, x):
    numbers = layer.shape[0]
    x = graph.reshape(x, *([layer.groups, numbers // layer.groups] if layer.groups > 1 else [numbers]))
    if layer.temperature != 1:
        x = graph.add("Div", x, graph.constant(layer.temperature))
    x = graph.add("Softmax", x, axis=-1)
    return graph.reshape(x, numbers) if layer.groups > 1 else x


OPERATORS = {function.__name__: function for function in (
    convolution, connected, local, maxpool, avgpool, route, shortcut, reorg, upsample, crop, softmax)}


def onnx_model(layers, labels):
    """The bytes of a model.

    Input `image`: batch x channels x height x width, from 0 to 1. Output `probabilities`: batch x classes (`scores`
    where the network does not end in a softmax). Metadata: width, height, channels, pixels, and labels, a line each.
    """
    graph, names = Graph(), {layers[0]: "image"}
    for layer in layers[1:]:
        output = OPERATORS[layer.kind](graph, layer, *(names[i] for i in layer.inputs))
        names[layer] = ACTIVATIONS[layer.activation](graph, output)
    last = layers[-1]
    classes, result = prod(last.shape), "probabilities" if last.kind == "softmax" else "scores"
    graph.nodes.append(
        helper.make_node("Reshape", [names[last], graph.constant([-1, classes], "i8")], [result], result)
    )
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "darknet",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *layers[0].shape])],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["batch", classes])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="smooth_topk for Darknet",
    )
    channels, height, width = layers[0].shape
    facts = {"width": width, "height": height, "channels": channels, "pixels": "RGB from 0 to 1, the image's middle"}
    helper.set_model_props(
        model, {name: str(value) for name, value in facts.items()} | ({"labels": "\n".join(labels)} if labels else {})
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()
