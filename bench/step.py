"""The networks of cfg/ in PyTorch: a step timed as bench/step.c does, and gradients compared with its dump.

usage: step.py CFG STEPS THREADS     the lines of step.c
       step.py CFG compare FILE      the largest error of a layer's gradient, relative to its rms
"""
import resource
import sys
import time

import numpy
import torch
import torch.nn.functional as F


def read_cfg(name):
    sections = []
    for line in open(name):
        line = line.split("#")[0].strip()
        if line.startswith("["):
            sections.append({"type": line[1:-1]})
        elif line:
            key, value = line.split("=")
            sections[-1][key.strip()] = value.strip()
    return sections[0], sections[1:]


class Network:
    """exact: normalization by Darknet's formula, for the comparison; else by PyTorch's own."""

    def __init__(self, cfg, dtype=torch.float32, exact=False):
        self.net, self.layers = read_cfg(cfg)
        self.batch = int(self.net["batch"]) // int(self.net.get("subdivisions", 1))
        self.exact, self.dtype, shape = exact, dtype, [int(self.net[key]) for key in ("channels", "height", "width")]
        self.input_shape, shapes = tuple(shape), []
        for l in self.layers:
            kind, get = l["type"], lambda key, default: int(l.get(key, default))
            size, stride = get("size", 1), get("stride", 1)
            if kind == "convolutional":
                l["padding"] = size // 2 if get("pad", 0) else get("padding", 0)
                filters = int(l["filters"])
                l["parameters"] = self.parameters(filters, (filters, shape[0], size, size), get("batch_normalize", 0))
                shape = [filters] + [(n + 2 * l["padding"] - size) // stride + 1 for n in shape[1:]]
            elif kind == "maxpool":
                padding = get("padding", size - 1)
                l["left"], out = padding // 2, [(n + padding - size) // stride + 1 for n in shape[1:]]
                l["right"] = [max(0, (o - 1) * stride + size - n - l["left"]) for o, n in zip(out, shape[1:])]
                shape = [shape[0]] + out
            elif kind == "avgpool":
                shape = [shape[0], 1, 1]
            elif kind == "connected":
                inputs = shape[0] * shape[1] * shape[2]
                l["parameters"] = self.parameters(int(l["output"]), (int(l["output"]), inputs), 0)
                shape = [int(l["output"]), 1, 1]
            elif kind == "route":
                at = [int(i) + (len(shapes) if int(i) < 0 else 0) for i in l["layers"].split(",")]
                l["from"], shape = at, [sum(shapes[i][0] for i in at)] + shapes[at[0]][1:]
            elif kind == "shortcut":
                l["from"] = get("from", 0) + (len(shapes) if get("from", 0) < 0 else 0)
            elif kind not in ("softmax", "dropout"):
                sys.exit(f"step.py does not know [{kind}]")
            shapes.append(shape)
        self.classes = shape[0]

    def parameters(self, n, shape, normalize):
        p = {"biases": torch.zeros(n), "scales": torch.ones(n) if normalize else None,
             "weights": torch.randn(shape) * (2 / numpy.prod(shape[1:])) ** .5}
        return {key: value if value is None else value.to(self.dtype).requires_grad_() for key, value in p.items()}

    def all_parameters(self):
        return [p for l in self.layers if "parameters" in l for p in l["parameters"].values() if p is not None]

    def loss(self, x, labels):
        outputs = []
        for l in self.layers:
            kind, p = l["type"], l.get("parameters")
            if kind == "convolutional":
                biases = None if p["scales"] is not None else p["biases"]
                x = F.conv2d(x, p["weights"], biases, int(l.get("stride", 1)), l["padding"])
                if p["scales"] is not None and self.exact:
                    variance, mean = torch.var_mean(x, (0, 2, 3), keepdim=True)
                    x = (x - mean) / (variance.sqrt() + 1e-6)
                    x = x * p["scales"].view(1, -1, 1, 1) + p["biases"].view(1, -1, 1, 1)
                elif p["scales"] is not None:
                    x = F.batch_norm(x, None, None, p["scales"], p["biases"], True)
            elif kind == "maxpool":
                if l["left"] or any(l["right"]):
                    x = F.pad(x, (l["left"], l["right"][1], l["left"], l["right"][0]), value=-1e30)
                x = F.max_pool2d(x, int(l["size"]), int(l["stride"]))
            elif kind == "avgpool":
                x = x.mean((2, 3), keepdim=True)
            elif kind == "connected":
                x = F.linear(x.flatten(1), p["weights"], p["biases"])
            elif kind == "route":
                x = torch.cat([outputs[i] for i in l["from"]], 1) if len(l["from"]) > 1 else outputs[l["from"][0]]
            elif kind == "shortcut":
                x = x + outputs[l["from"]]
            activation = l.get("activation", "linear")
            x = F.leaky_relu(x, .1) if activation == "leaky" else F.relu(x) if activation == "relu" else x
            outputs.append(x)
        return F.cross_entropy(x.flatten(1), labels, reduction="sum")


def time_steps(cfg, steps, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network = Network(cfg)
    x, labels = torch.rand(network.batch, *network.input_shape), torch.arange(network.batch) * 7 % network.classes
    optimizer = torch.optim.SGD(network.all_parameters(), lr=.01 / network.batch, momentum=.9,
                                weight_decay=.0005 * network.batch)
    warm = 3 if steps > 3 else 1
    for i in range(warm + steps):
        cpu, wall = time.process_time(), time.perf_counter()
        optimizer.zero_grad()
        network.loss(x, labels).backward()
        optimizer.step()
        if i >= warm:
            print(f"{(time.process_time() - cpu) * 1e3:.3f} {(time.perf_counter() - wall) * 1e3:.3f}")
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}")


def compare(cfg, name):
    network, data = Network(cfg, torch.float64, True), torch.from_numpy(numpy.fromfile(name, numpy.float32)).double()

    def take(*shape):
        nonlocal data
        taken, data = data[:int(numpy.prod(shape))].view(shape), data[int(numpy.prod(shape)):]
        return taken

    x, labels, updates = take(network.batch, *network.input_shape), take(network.batch, network.classes).argmax(1), []
    for l in network.layers:
        if "parameters" in l:
            mine = [p for p in l["parameters"].values() if p is not None]
            for p in mine:
                p.data = take(*p.shape).clone()
            updates.append([(p, take(*p.shape)) for p in mine])
    assert not len(data), f"{name} is not of {cfg}"
    network.loss(x, labels).backward()
    worst = 0
    for pairs in updates:  # of a layer; biases before a normalization have gradients of their own
        error = sum(((u + p.grad) ** 2).sum() for p, u in pairs) / sum((p.grad ** 2).sum() for p, _ in pairs)
        worst = max(worst, float(error) ** .5)
    print(f"{worst:.1e}")


if __name__ == "__main__":
    if sys.argv[2] == "compare":
        compare(sys.argv[1], sys.argv[3])
    else:
        time_steps(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
