"""The smooth top-k loss in PyTorch, on the CPU, by libsmooth_topk.

    from smooth_topk_torch import SmoothTopK
    criterion = SmoothTopK(k=5)                  # in place of torch.nn.CrossEntropyLoss()
    criterion(scores, labels).backward()

The library is looked for where the linker looks (after `make install` and ldconfig), or is the file
that SMOOTH_TOPK_LIBRARY names. Run as a program, trains a linear network on points of 20 classes.
"""
import ctypes
import ctypes.util
import os

import torch

library = ctypes.CDLL(os.environ.get("SMOOTH_TOPK_LIBRARY") or ctypes.util.find_library("smooth_topk")
                      or "libsmooth_topk.so.1")
library.smooth_topk_strerror.restype = ctypes.c_char_p


class Params(ctypes.Structure):
    _fields_ = [("k", ctypes.c_int), ("tau", ctypes.c_float), ("alpha", ctypes.c_float), ("algorithm", ctypes.c_int)]


class SmoothTopKFunction(torch.autograd.Function):
    """scores: batch x classes, float; labels: batch, -1 is ignored. Returns the losses: batch."""

    @staticmethod
    def forward(ctx, scores, labels, k, tau, alpha):
        scores = scores.detach().to("cpu", torch.float32).contiguous()
        labels = labels.to("cpu", torch.int32).contiguous()
        losses, gradient = torch.empty(len(scores)), torch.empty_like(scores)
        error = library.smooth_topk_cpu(ctypes.byref(Params(k, tau, alpha, 0)), *scores.shape,
                                        *(ctypes.c_void_p(t.data_ptr()) for t in (scores, labels, losses, gradient)))
        if error:
            raise ValueError(library.smooth_topk_strerror(error).decode())
        ctx.save_for_backward(gradient)
        return losses

    @staticmethod
    def backward(ctx, of_losses):
        gradient, = ctx.saved_tensors
        return of_losses[:, None] * gradient, None, None, None, None


class SmoothTopK(torch.nn.Module):
    """The mean loss of a batch."""

    def __init__(self, k=5, tau=1.0, alpha=1.0):
        super().__init__()
        self.k, self.tau, self.alpha = k, tau, alpha

    def forward(self, scores, labels):
        return SmoothTopKFunction.apply(scores, labels, self.k, self.tau, self.alpha).mean()


if __name__ == "__main__":
    torch.manual_seed(1)
    labels = torch.arange(400) % 20
    points = torch.randn(20, 10)[labels] + torch.randn(400, 10)
    network, criterion = torch.nn.Linear(10, 20), SmoothTopK(k=5)
    optimizer = torch.optim.SGD(network.parameters(), lr=5 * 0.1)
    for step in range(201):
        scores = network(points)
        loss = criterion(scores, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            top5 = (scores.topk(5).indices == labels[:, None]).any(1).float().mean()
            print(f"step {step}: loss {loss.item():.4f}, top-5 {100 * top5:.1f} %")
