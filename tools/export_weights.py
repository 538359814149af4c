"""A weights file: Darknet's header, then the numbers of one layer after the other."""

from math import prod

import numpy

from compare_data import Refused

# Darknet's on the CPU, added to the standard deviation.
EPSILON = 1e-6


class Weights:
    """The numbers of a weights file, one layer's after the other's."""

    def __init__(self, path):
        self.path, self.position = path, 0
        self.layer = None  # what the numbers are taken for, for messages
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise Refused(f"{path}: cannot be read: {error.strerror}") from None
        if len(data) < 12:
            raise Refused(f"{path} is not a weights file: it ends within its header")
        version = numpy.frombuffer(data, "<i4", 3)
        # In the oldest files the header begins with a learning rate, a float, and [connected] is transposed.
        self.transposed = bool(version[0] >= 1000)
        rate = float(version[:1].view("<f4")[0])
        if not (0 <= version[0] < 1000 and 0 <= version[1] < 1000 or 1e-12 < rate < 1000):
            raise Refused(f"{path} is not a weights file: it begins with the numbers {', '.join(map(str, version))}")
        header = 20 if version[0] < 1000 and version[0] * 10 + version[1] >= 2 else 16
        if len(data) < header:
            raise Refused(f"{path} is not a weights file: it ends within its header")
        self.bytes = len(data)
        self.rest = (len(data) - header) % 4
        self.values = numpy.frombuffer(data, "<f4", (len(data) - header) // 4, header)

    def take(self, *shape):
        """The next numbers, as double precision."""
        size = prod(shape)
        if self.position + size > self.values.size:
            raise Refused(f"{self.path} ends within {self.layer}: it is cut short or another network's")
        part = self.values[self.position : self.position + size]
        if not numpy.isfinite(part).all():
            raise Refused(f"{self.path}: the weights of {self.layer} are not finite")
        self.position += size
        return part.reshape(shape).astype("f8")

    def end(self):
        left = 4 * (self.values.size - self.position) + self.rest
        if left:
            raise Refused(
                f"{self.path} has {self.bytes} bytes, {left} are left over: the weights are another network's"
            )


def normalization(weights, channels):
    """The factor and the sum that a normalization with its rolling mean and variance is, for each channel."""
    scales, mean, variance = (weights.take(channels) for _ in range(3))
    with numpy.errstate(invalid="ignore"):
        factor = scales / (numpy.sqrt(variance) + EPSILON)
    return factor, -mean * factor
