"""The smooth top-k loss, with the arguments of torch.nn.functional.cross_entropy."""
from __future__ import annotations

import math
from typing import Optional, Sequence, Union

import torch
from torch import Tensor

from . import operators

_REDUCTIONS = {"none": operators.NO_REDUCTION, "mean": operators.MEAN, "sum": operators.SUM}
Numbers = Union[float, Sequence[float]]


def _numbers(name: str, value: Numbers, count: int, least: float, above: bool = False) -> tuple:
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if len(values) == 1:
        values *= count
    must_be = f"{name}={value!r}: must be one number, or one for each of the {count} k, " \
              f"{'above' if above else 'at least'} {least:g} and finite"
    if len(values) != count:
        raise ValueError(must_be)
    for number in values:
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise TypeError(must_be)
        if not math.isfinite(number) or number < least or (above and number <= least):
            raise ValueError(must_be)
    return tuple(float(number) for number in values)


def make_terms(k: Union[int, Sequence[int]] = 5, tau: Numbers = 1.0, alpha: Numbers = 1.0,
               weights: Optional[Numbers] = None) -> operators.Terms:
    """(k, tau, alpha, weight) for each k; weights are divided by their sum, equal ones where none are given."""
    ks = tuple(k) if isinstance(k, (list, tuple)) else (k,)
    if not ks:
        raise ValueError("k=[]: must be a whole number of at least 1, or a list of them")
    for number in ks:
        if isinstance(number, bool) or not isinstance(number, int):
            raise TypeError(f"k={k!r}: must be a whole number of at least 1, or a list of them")
        if not 1 <= number < 2**31:
            raise ValueError(f"k={k!r}: must be at least 1 and below the number of classes")
    parts = _numbers("weights", 1.0 if weights is None else weights, len(ks), 0, above=True)
    return tuple((k, tau, alpha, weight / sum(parts)) for k, tau, alpha, weight in
                 zip(ks, _numbers("tau", tau, len(ks), 0), _numbers("alpha", alpha, len(ks), 0), parts))


def _class_numbers(name: str, values: Optional[Tensor], scores: Tensor, classes: int) -> Optional[Tensor]:
    if values is None:
        return None
    if not isinstance(values, Tensor):
        raise TypeError(f"{name}: must be a tensor of {classes} numbers, not {type(values).__name__}")
    if values.shape != (classes,):
        raise ValueError(f"{name}: has the shape {tuple(values.shape)}; must be ({classes},), one number for each class")
    values = values.detach().to(scores.device, torch.float32).contiguous()
    if not torch.compiler.is_compiling() if hasattr(torch, "compiler") else True:
        if not bool(torch.isfinite(values).all()) or bool((values < 0).any()):
            raise ValueError(f"{name}: must be finite and at least 0")
    return values


def _check_scores(scores) -> int:
    """Returns the dimension of the classes."""
    if not isinstance(scores, Tensor):
        raise TypeError(f"scores: must be a tensor, not {type(scores).__name__}")
    if not scores.is_floating_point():
        raise TypeError(f"scores: have the type {scores.dtype}; must be floating point")
    if scores.dim() == 0:
        raise ValueError("scores: have no dimension; must be (classes,), (batch, classes) or (batch, classes, d1, ...)")
    if scores.device.type not in ("cpu", "cuda", "meta"):
        raise ValueError(f"scores: are on {scores.device}; must be on the CPU or a CUDA device")
    return 0 if scores.dim() == 1 else 1


def _check_target(scores: Tensor, target, dimension: int) -> bool:
    """Whether the target is probabilities, not labels."""
    if not isinstance(target, Tensor):
        raise TypeError(f"target: must be a tensor, not {type(target).__name__}")
    if target.device != scores.device:
        raise ValueError(f"target: is on {target.device}, the scores on {scores.device}")
    labels_shape = scores.shape[:dimension] + scores.shape[dimension + 1:]
    if target.is_floating_point():
        if target.shape != scores.shape:
            raise ValueError(f"target: probabilities of shape {tuple(target.shape)}; must be {tuple(scores.shape)}")
        return True
    if target.dtype not in (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8):
        raise TypeError(f"target: has the type {target.dtype}; must be int64 labels, or probabilities")
    if target.shape != labels_shape:
        raise ValueError(f"target: labels of shape {tuple(target.shape)}; must be {tuple(labels_shape)}")
    return False


def _reduce(losses: Tensor, reduction: int, divisor) -> Tensor:
    if reduction == operators.NO_REDUCTION:
        return losses
    return losses.sum() / divisor if reduction == operators.MEAN else losses.sum()


def _truth_rows(target: Tensor, is_soft: bool, classes: int, class_weights: Optional[Tensor], smoothing: float,
                ignore_index: int):
    """Rows of truth as cross_entropy has them, and the divisor of its mean."""
    if is_soft:
        truth = target * (1 - smoothing) + smoothing / classes if smoothing else target
        return truth if class_weights is None else truth * class_weights, float(len(target))
    kept = target != ignore_index
    if not bool(((target >= 0) & (target < classes) | ~kept).all()):
        raise IndexError(f"target: labels must be 0 to {classes - 1}, or ignore_index={ignore_index}")
    labels = target.clamp(0, classes - 1)
    truth = torch.nn.functional.one_hot(labels, classes).float()
    if smoothing:
        truth = truth * (1 - smoothing) + smoothing / classes
    if class_weights is not None:
        truth = truth * class_weights
    divisor = kept.sum() if class_weights is None else (class_weights[labels] * kept).sum()
    return truth * kept[:, None], divisor


def _compute(scores, target, terms, is_soft, class_weights, class_margins, smoothing, ignore_index, reduction):
    """Two-dimensional float32 scores; labels or rows of probabilities."""
    if not is_soft and class_margins is None and not smoothing:
        return operators.label_loss(scores, target, terms, class_weights, ignore_index, reduction)
    truth, divisor = _truth_rows(target, is_soft, scores.shape[1], class_weights, smoothing, ignore_index)
    return _reduce(operators.row_loss(scores, truth.contiguous(), terms, class_margins), reduction, divisor)


def _loss(scores, target, terms, class_weights, class_margins, label_smoothing, reduction, ignore_index) -> Tensor:
    dimension = _check_scores(scores)
    is_soft = _check_target(scores, target, dimension)
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction={reduction!r}: must be none, mean or sum")
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing={label_smoothing!r}: must be 0 to below 1")
    classes = scores.shape[dimension]
    for k, *_ in terms:
        if k >= classes:
            raise ValueError(f"k={k}: must be 1 to {classes - 1}, below the number of classes")
    class_weights = _class_numbers("class_weights", class_weights, scores, classes)
    class_margins = _class_numbers("class_margins", class_margins, scores, classes)
    result_type = torch.float32 if torch.is_autocast_enabled() or scores.dtype == torch.float32 else scores.dtype
    rows, labels = scores, target
    if scores.dim() != 2:
        rows = scores.movedim(dimension, -1).reshape(-1, classes)
        labels = target.movedim(dimension, -1).reshape(-1, classes) if is_soft else target.reshape(-1)
    rows = rows.to(torch.float32).contiguous()
    labels = labels.to(torch.float32 if is_soft else torch.int64).contiguous()
    code = _REDUCTIONS[reduction]
    result = _compute(rows, labels, terms, is_soft, class_weights, class_margins, label_smoothing, ignore_index, code)
    if code == operators.NO_REDUCTION and scores.dim() != 2:
        result = result.reshape(scores.shape[:dimension] + scores.shape[dimension + 1:])
    return result if result.dtype == result_type else result.to(result_type)


def smooth_topk_loss(scores: Tensor, target: Tensor, k: Union[int, Sequence[int]] = 5, tau: Numbers = 1.0,
                     alpha: Numbers = 1.0, weights: Optional[Numbers] = None,
                     class_weights: Optional[Tensor] = None, class_margins: Optional[Tensor] = None,
                     label_smoothing: float = 0.0, reduction: str = "mean", ignore_index: int = -100) -> Tensor:
    """The smooth top-k loss (equation 10 of the paper), or the weighted sum of it for several k.

    scores           (classes,), (batch, classes) or (batch, classes, d1, ...), floating point. Computed in float32,
                     whatever the type; the result has the type of the scores, float32 under autocast.
    target           labels, of the shape of the scores without the classes, 0 to classes - 1 or ignore_index; or
                     probabilities, of the shape of the scores
    k                guesses, 1 to classes - 1; a list sums the losses of several k
    tau, alpha       temperature and margin, >= 0; one number, or one for each k. tau = 0 is the hard hinge.
    weights          of each k, > 0; they are divided by their sum. Default: equal
    class_weights    classes numbers >= 0: a factor on the loss of each label; as in cross_entropy the mean is divided
                     by their sum over the batch
    class_margins    classes numbers >= 0: a factor on alpha for each label
    label_smoothing  0 to below 1, as in cross_entropy
    reduction        "mean", "sum" or "none"

    A NaN or +inf score makes its own sample's loss NaN, no other's. k=1, tau=1, alpha=0 is cross_entropy. The gradient
    is about 1/k of cross_entropy's at the start: multiply the learning rate by k. A wrong shape, type, device or value
    is a TypeError, ValueError or IndexError that names it.
    """
    return _loss(scores, target, make_terms(k, tau, alpha, weights), class_weights, class_margins, label_smoothing,
                 reduction, ignore_index)


class SmoothTopKLoss(torch.nn.Module):
    """smooth_topk_loss as a module, in place of torch.nn.CrossEntropyLoss; its arguments are those of the function."""

    def __init__(self, k: Union[int, Sequence[int]] = 5, tau: Numbers = 1.0, alpha: Numbers = 1.0,
                 weights: Optional[Numbers] = None, class_weights: Optional[Tensor] = None,
                 class_margins: Optional[Tensor] = None, label_smoothing: float = 0.0, reduction: str = "mean",
                 ignore_index: int = -100) -> None:
        super().__init__()
        self.terms = make_terms(k, tau, alpha, weights)
        self.register_buffer("class_weights", class_weights)
        self.register_buffer("class_margins", class_margins)
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction={reduction!r}: must be none, mean or sum")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing={label_smoothing!r}: must be 0 to below 1")
        self.label_smoothing, self.reduction, self.ignore_index = label_smoothing, reduction, ignore_index

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        return _loss(scores, target, self.terms, self.class_weights, self.class_margins, self.label_smoothing,
                     self.reduction, self.ignore_index)

    def extra_repr(self) -> str:
        columns = list(zip(*self.terms))
        names = ("k", "tau", "alpha", "weights")
        return ", ".join(f"{name}={column[0] if len(column) == 1 else list(column)}"
                         for name, column in zip(names, columns) if name != "weights" or len(column) > 1)
