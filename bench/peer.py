"""Times the authors' PyTorch code on the batch that `bench sample` wrote, and compares its results with ours.

usage: peer.py CHECKOUT SAMPLE [cuda]       CHECKOUT: a copy of https://github.com/oval-group/smooth-topk

A row for bench's CSV on stdout, classes,k,algorithm,ns_per_class; on the GPU for bench_gpu's,
classes,batch,k,what,us. What the comparison found, on stderr.
"""
import contextlib
import io
import statistics
import sys
import time

import numpy
import torch

checkout, sample = sys.argv[1:3]
device = torch.device(sys.argv[3] if len(sys.argv) > 3 else "cpu")
sys.path.insert(0, checkout)
from topk.svm import SmoothTopkSVM  # noqa: E402  (theirs, from the checkout)

torch.set_num_threads(1)
with open(sample, "rb") as file:
    batch, classes, k = numpy.fromfile(file, "i4", 3)
    tau, alpha = numpy.fromfile(file, "f4", 2)
    scores = numpy.fromfile(file, "f4", batch * classes).reshape(batch, classes)
    losses = numpy.fromfile(file, "f4", batch)
    gradients = numpy.fromfile(file, "f4", batch * classes).reshape(batch, classes)
    labels = numpy.fromfile(file, "i4", batch)



def finish():
    if device.type == "cuda":
        torch.cuda.synchronize()


with contextlib.redirect_stdout(io.StringIO()):
    criterion = SmoothTopkSVM(int(classes), alpha=float(alpha), tau=float(tau), k=int(k))
    if device.type == "cuda":
        criterion.cuda()  # .to() would leave behind the labels that it holds
y = torch.from_numpy(labels.astype("i8")).to(device)
times = []
for _ in range(12):
    x = torch.from_numpy(scores).to(device, copy=True).requires_grad_(True)
    finish()
    start = time.perf_counter()
    loss = criterion(x, y)
    loss.backward()
    finish()
    times.append(time.perf_counter() - start)
seconds = statistics.median(times[1:])
if device.type == "cuda":
    print(f"{classes},{batch},{k},peer,{1e6 * seconds:.2f},,")
else:
    print(f"{classes},{k},peer,{1e9 * seconds / (batch * classes):.4f}")

difference = numpy.abs(x.grad.cpu().numpy() * batch - gradients).max() / numpy.abs(gradients).max()
print(f"mean loss: theirs {loss.item():.7f}, ours {losses.mean(dtype='f8'):.7f}; "
      f"gradients differ by at most {difference:.1e} of the largest", file=sys.stderr)
