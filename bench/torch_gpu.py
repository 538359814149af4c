"""Times PyTorch's cross_entropy, forward and backward, on the GPU: rows for bench_gpu's CSV on stdout.

usage: torch_gpu.py [CHECKOUT]      CHECKOUT: a copy of https://github.com/oval-group/smooth-topk, timed too

Gradient by the scores, reduction "none" as in bench_gpu. Medians of as many runs as there, by CUDA events around
20 of them; "cross_entropy, graph" replays them from a CUDA graph, without Python's and PyTorch's own time.
"""
import statistics
import sys

import torch
from torch.nn.functional import cross_entropy

if not torch.cuda.is_available():
    sys.exit("torch_gpu.py: torch sees no GPU")


def measure_time(run, repeats=20, rounds=7):
    """Microseconds a run."""
    times = []
    for _ in range(rounds + 1):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(repeats):
            run()
        end.record()
        end.synchronize()
        times.append(1e3 * begin.elapsed_time(end) / repeats)
    return statistics.median(times[1:])


def captured_graph(run):
    """The same work without the time that Python takes."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def report(classes, batch, k, what, time):
    print(f"{classes},{batch},{k},{what},{time:.2f},", flush=True)


def main():
    if len(sys.argv) > 1:
        sys.path.insert(0, sys.argv[1])
        from topk.svm import SmoothTopkSVM  # theirs, from the checkout
    for classes in 100, 1000, 21841, 131072:
        for batch in 128, 256, 1024:
            torch.manual_seed(1)
            scores = (2 * torch.randn(batch, classes, device="cuda")).requires_grad_(True)
            labels = torch.randint(classes, (batch,), device="cuda")
            ones = torch.ones(batch, device="cuda")

            def step():
                scores.grad = None
                cross_entropy(scores, labels, reduction="none").backward(ones)

            report(classes, batch, 1, "cross_entropy", measure_time(step))
            report(classes, batch, 1, "cross_entropy graph", measure_time(captured_graph(step)))
            if len(sys.argv) > 1 and classes <= 21841 and batch == 256:
                criterion = SmoothTopkSVM(classes, alpha=1, tau=1, k=5)
                criterion.cuda()

                def their_step():
                    scores.grad = None
                    criterion(scores, labels).backward()

                report(classes, batch, 5, "authors", measure_time(their_step, 2, 3))


main()
