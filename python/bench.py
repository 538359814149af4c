#!/usr/bin/env python3
"""Times the loss, forward and backward, beside cross_entropy: batch 256, k=5, one thread, medians of CPU time.

    python3 python/bench.py                 a table in Markdown
    PEER=DIR python3 python/bench.py        beside the authors' code too, of a checkout of it in DIR
"""
import os
import statistics
import sys
import time
import types

import torch

sys.path.pop(0)  # where this file is, beside the sources of the package: the installed one is meant
from smooth_topk import SmoothTopKLoss  # noqa: E402

BATCH, K, ROUNDS = 256, 5, 5


def authors_loss(directory, classes):
    """Their class; their code imports a package that only Python 2 needed."""
    builtins = types.ModuleType("future.builtins")
    builtins.range = range
    sys.modules.update({"future": types.ModuleType("future"), "future.builtins": builtins})
    if directory not in sys.path:
        sys.path.insert(0, directory)
    from topk.svm import SmoothTopkSVM
    out, sys.stdout = sys.stdout, sys.stderr  # it prints its temperature
    try:
        return SmoothTopkSVM(n_classes=classes, tau=1.0, k=K)
    finally:
        sys.stdout = out


def median_time(criterion, scores, labels, repeats):
    times = []
    for _ in range(repeats):
        scores.grad = None
        start = time.process_time()
        criterion(scores, labels).backward()
        times.append(time.process_time() - start)
    return statistics.median(times) * 1e6


def measure(classes, peer):
    torch.manual_seed(1)
    scores = torch.randn(BATCH, classes, requires_grad=True)
    labels = torch.randint(classes, (BATCH,))
    losses = {"cross_entropy": torch.nn.CrossEntropyLoss(), "ours": SmoothTopKLoss(K)}
    if peer:
        losses["authors"] = authors_loss(peer, classes)
    repeats = max(5, 200000 // classes // ROUNDS)
    times = {name: [] for name in losses}
    for _ in range(ROUNDS):
        for name, criterion in losses.items():
            times[name].append(median_time(criterion, scores, labels, 3 if name == "authors" else repeats))
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    torch.set_num_threads(1)
    peer = os.environ.get("PEER")
    print("| classes | cross_entropy, us | smooth_topk, us | ratio |"
          + (" the authors', us | ratio to ours |" if peer else ""))
    print("|--:|--:|--:|--:|" + ("--:|--:|" if peer else ""))
    for classes in (100, 1000, 21841):
        times = measure(classes, peer)
        line = f"| {classes} | {times['cross_entropy']:.0f} | {times['ours']:.0f} | " \
               f"{times['ours'] / times['cross_entropy']:.2f} |"
        if peer:
            line += f" {times['authors']:.0f} | {times['authors'] / times['ours']:.0f} |"
        print(line, flush=True)


if __name__ == "__main__":
    main()
