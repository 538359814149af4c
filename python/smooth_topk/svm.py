"""The losses under the names of the authors' package: from smooth_topk.svm import SmoothTop1SVM.

The arguments, their defaults and the reduction (the mean of the batch) are those of topk.svm. The number of classes is
taken from the scores; n_classes is kept for its check.
"""
from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from . import loss


class _SVMLoss(torch.nn.Module):
    def __init__(self, n_classes: int, alpha: Optional[float], tau: float, k: int) -> None:
        super().__init__()
        self.alpha = 1 if alpha is None else alpha
        loss.make_terms(k, tau, self.alpha)  # raises for values out of range
        if not isinstance(n_classes, int) or not isinstance(k, int) or n_classes <= k:
            raise ValueError(f"n_classes={n_classes!r}: must be a whole number above k={k!r}")
        self.n_classes, self.k = n_classes, k
        self._tau = tau
        self.register_buffer("labels", torch.arange(n_classes))

    @property
    def tau(self) -> float:
        return self._tau

    @tau.setter
    def tau(self, tau: float) -> None:
        loss.make_terms(self.k, tau, self.alpha)
        self._tau = float(tau)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        if not isinstance(x, Tensor) or x.dim() != 2 or x.size(1) != self.n_classes:
            shape = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"scores: {shape}; must be a tensor of the shape (batch, {self.n_classes})")
        return loss.smooth_topk_loss(x, y, k=self.k, tau=self._tau, alpha=self.alpha)


class MaxTop1SVM(_SVMLoss):
    """The hard top-1 hinge."""

    def __init__(self, n_classes: int, alpha: Optional[float] = None) -> None:
        super().__init__(n_classes, alpha, tau=0.0, k=1)


class MaxTopkSVM(_SVMLoss):
    """The hard top-k hinge."""

    def __init__(self, n_classes: int, alpha: Optional[float] = None, k: int = 5) -> None:
        super().__init__(n_classes, alpha, tau=0.0, k=k)


class SmoothTop1SVM(_SVMLoss):
    """The smooth top-1 loss."""

    def __init__(self, n_classes: int, alpha: Optional[float] = None, tau: float = 1.0) -> None:
        super().__init__(n_classes, alpha, tau=tau, k=1)


class SmoothTopkSVM(_SVMLoss):
    """The smooth top-k loss."""

    def __init__(self, n_classes: int, alpha: Optional[float] = None, tau: float = 1.0, k: int = 5) -> None:
        super().__init__(n_classes, alpha, tau=tau, k=k)
