"""A weights file of random numbers for any network that can be exported.

usage: export_random.py x.cfg x.weights     the same numbers each time, so scaled that scores are about 1;
       prints the number of classes
"""

import struct
import sys

import numpy

import export_network


class Random:
    """Stands in for the reader of a weights file: the numbers it gives are those that are written."""

    def __init__(self, path):
        self.path, self.transposed, self.parts = path, False, []
        self.generator = numpy.random.default_rng(1)

    def take(self, *shape):
        if len(shape) > 1:
            values = self.generator.normal(0, (2 / numpy.prod(shape[1:])) ** 0.5, shape)
        else:  # biases, scales, means, variances: all are legal as any of them
            values = self.generator.uniform(0.2, 1, shape)
        self.parts.append(values.astype("f4"))
        return self.parts[-1].astype("f8")

    def end(self):
        with open(self.path, "wb") as file:
            file.write(struct.pack("<iiiq", 0, 2, 0, 0) + b"".join(part.tobytes() for part in self.parts))


export_network.Weights = Random
layers = export_network.read_network(*sys.argv[1:])
print(numpy.prod(layers[-1].shape))
