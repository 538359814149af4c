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
        if not isinstance(n_classes, int) or n_classes < 1:
            raise ValueError(f"n_classes={n_classes!r}: must be a whole number of at least 1")
        self.n_classes, self.k = n_classes, k
        self.alpha = 1 if alpha is None else alpha
        self._tau = tau
        loss.make_terms(k, tau, self.alpha)  # raises for values out of range
        self.register_buffer("labels", torch.arange(n_classes))

    @property
    def tau(self) -> float:
        return self._tau

    @tau.setter
    def tau(self, tau: float) -> None:
        loss.make_terms(self.k, tau, self.alpha)
        self._tau = float(tau)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        if x.dim() != 2 or x.size(1) != self.n_classes:
            raise ValueError(f"scores: have the shape {tuple(x.shape)}; must be (batch, {self.n_classes})")
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
