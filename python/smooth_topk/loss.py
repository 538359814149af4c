"""The smooth top-k loss, with the arguments of torch.nn.functional.cross_entropy."""
from __future__ import annotations

import math
import numbers
from typing import Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from . import operators

_REDUCTIONS = {"none": operators.NO_REDUCTION, "mean": operators.MEAN, "sum": operators.SUM}
_LABEL_TYPES = (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8)
Numbers = Union[float, Sequence[float]]


# ---- arguments of the loss ----

def _is_number(value, kind=numbers.Real) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _numbers(name: str, value: Numbers, count: int, above: bool = False) -> Tuple[float, ...]:
    """`count` finite numbers, >= 0, or above 0."""
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if len(values) == 1:
        values *= count
    must_be = f"{name}={value!r}: must be one number, or one for each k ({count} of them), " \
              f"{'above' if above else 'at least'} 0 and finite"
    if not all(_is_number(number) for number in values):
        raise TypeError(must_be)
    if len(values) != count or not all(math.isfinite(number) and (number > 0 if above else number >= 0)
                                       for number in values):
        raise ValueError(must_be)
    return tuple(float(number) for number in values)


def make_terms(k: Union[int, Sequence[int]] = 5, tau: Numbers = 1.0, alpha: Numbers = 1.0,
               weights: Optional[Numbers] = None) -> operators.Terms:
    """(k, tau, alpha, weight) for each k; weights are divided by their sum, equal ones where none are given."""
    values = tuple(k) if isinstance(k, (list, tuple)) else (k,)
    must_be = f"k={k!r}: must be a whole number of at least 1, or a list of up to {operators.MOST_TERMS} of them"
    if not all(_is_number(number, numbers.Integral) for number in values):
        raise TypeError(must_be)
    if not 1 <= len(values) <= operators.MOST_TERMS or not all(1 <= number < 2**31 - 1 for number in values):
        raise ValueError(must_be)
    count = len(values)
    parts = _numbers("weights", 1.0 if weights is None else weights, count, above=True)
    terms = tuple((int(value), tau, alpha, part / sum(parts)) for value, tau, alpha, part in
                  zip(values, _numbers("tau", tau, count), _numbers("alpha", alpha, count), parts))
    if not operators.is_compiling():
        operators.check_terms(terms)
    return terms


def _check_settings(label_smoothing, reduction, ignore_index) -> None:
    if not isinstance(reduction, str) or reduction not in _REDUCTIONS:
        raise ValueError(f"reduction={reduction!r}: must be none, mean or sum")
    if not _is_number(label_smoothing):
        raise TypeError(f"label_smoothing={label_smoothing!r}: must be a number, 0 to below 1")
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing={label_smoothing!r}: must be 0 to below 1")
    if not _is_number(ignore_index, numbers.Integral):
        raise TypeError(f"ignore_index={ignore_index!r}: must be a whole number")
    if not -2**63 <= ignore_index < 2**63:
        raise ValueError(f"ignore_index={ignore_index!r}: must be an int64")


def _class_numbers(name: str, values: Optional[Tensor], scores: Tensor, classes: int) -> Optional[Tensor]:
    if values is None:
        return None
    if not isinstance(values, Tensor):
        raise TypeError(f"{name}: must be a tensor of {classes} numbers, not {type(values).__name__}")
    if values.is_complex() or values.dtype == torch.bool or values.layout != torch.strided:
        raise TypeError(f"{name}: have the type {values.dtype}, {values.layout}; must be strided real numbers")
    if values.shape != (classes,):
        raise ValueError(f"{name}: have the shape {tuple(values.shape)}; must be ({classes},), a number for each class")
    if values.device != scores.device:
        raise ValueError(f"{name}: are on {values.device}, the scores on {scores.device}")
    values = values.detach().to(torch.float32).contiguous()
    if not operators.is_compiling() and not values.is_meta:
        if not bool((torch.isfinite(values) & (values >= 0)).all()):
            raise ValueError(f"{name}: must be finite and at least 0")
    return values


# ---- scores and targets ----

def check_scores(name: str, scores) -> int:
    """Returns the dimension of the classes."""
    if not isinstance(scores, Tensor):
        raise TypeError(f"{name}: must be a tensor, not {type(scores).__name__}")
    if not scores.is_floating_point() or scores.layout != torch.strided:
        raise TypeError(f"{name}: have the type {scores.dtype}, {scores.layout}; must be strided and floating point")
    if scores.dim() == 0:
        raise ValueError(f"{name}: have no dimension; "
                         "must be (classes,), (batch, classes) or (batch, classes, d1, ...)")
    if scores.device.type not in ("cpu", "cuda", "meta"):
        raise ValueError(f"{name}: are on {scores.device}; must be on the CPU or a CUDA device")
    return 0 if scores.dim() == 1 else 1


def _check_target(scores: Tensor, target, dimension: int) -> bool:
    """Whether the target is probabilities, not labels."""
    if not isinstance(target, Tensor):
        raise TypeError(f"target: must be a tensor, not {type(target).__name__}")
    if target.layout != torch.strided:
        raise TypeError(f"target: has the layout {target.layout}; must be strided")
    if target.device != scores.device:
        raise ValueError(f"target: is on {target.device}, the scores on {scores.device}")
    if target.is_floating_point():
        if target.shape != scores.shape:
            raise ValueError(f"target: probabilities of shape {tuple(target.shape)}; must be {tuple(scores.shape)}")
        if target.requires_grad:
            raise ValueError("target: requires a gradient, which is not implemented; pass target.detach()")
        return True
    if target.dtype not in _LABEL_TYPES:
        raise TypeError(f"target: has the type {target.dtype}; must be int64 labels, or probabilities")
    labels_shape = scores.shape[:dimension] + scores.shape[dimension + 1:]
    if target.shape != labels_shape:
        raise ValueError(f"target: labels of shape {tuple(target.shape)}; must be {tuple(labels_shape)}")
    return False


def _check_k(terms: operators.Terms, classes: int) -> None:
    for term in terms:
        if term[0] >= classes:
            raise ValueError(f"k={term[0]}: must be below the number of classes, which is {classes}")


# ---- the loss ----

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


def _is_autocast(scores: Tensor) -> bool:
    if scores.is_meta:
        return False
    if hasattr(torch, "get_autocast_dtype"):  # PyTorch 2.4 and later
        return torch.is_autocast_enabled(scores.device.type)
    return torch.is_autocast_cpu_enabled() if scores.device.type == "cpu" else torch.is_autocast_enabled()


def _any_loss(scores, target, terms, class_weights, class_margins, label_smoothing, reduction, ignore_index) -> Tensor:
    dimension = check_scores("scores", scores)
    is_soft = _check_target(scores, target, dimension)
    classes = scores.shape[dimension]
    _check_k(terms, classes)
    class_weights = _class_numbers("class_weights", class_weights, scores, classes)
    class_margins = _class_numbers("class_margins", class_margins, scores, classes)
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
    result_type = torch.float32 if _is_autocast(scores) else scores.dtype
    return result if result.dtype == result_type else result.to(result_type)


def _is_simple(scores, target, terms) -> bool:
    """Whether nothing is to be checked or converted: a batch of float32 scores on the CPU, and its labels."""
    if type(scores) is not Tensor or type(target) is not Tensor or scores.dtype is not torch.float32 \
            or target.dtype is not torch.int64 or scores.dim() != 2 or not scores.is_cpu or not target.is_cpu \
            or scores.layout is not torch.strided or target.layout is not torch.strided \
            or not scores.is_contiguous() or not target.is_contiguous():
        return False
    batch, classes = scores.shape
    return target.shape == (batch,) and max(terms)[0] < classes


def _loss(scores, target, terms, class_weights, class_margins, label_smoothing, reduction, ignore_index) -> Tensor:
    if class_weights is None and class_margins is None and label_smoothing == 0 and _is_simple(scores, target, terms):
        return operators.label_loss(scores, target, terms, None, ignore_index, _REDUCTIONS[reduction])
    return _any_loss(scores, target, terms, class_weights, class_margins, label_smoothing, reduction, ignore_index)


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
    terms = make_terms(k, tau, alpha, weights)
    _check_settings(label_smoothing, reduction, ignore_index)
    return _loss(scores, target, terms, class_weights, class_margins, label_smoothing, reduction, ignore_index)


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
        _check_settings(label_smoothing, reduction, ignore_index)
        self.label_smoothing, self.reduction, self.ignore_index = label_smoothing, reduction, ignore_index

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        buffers = self._buffers  # read faster than as attributes
        return _loss(scores, target, self.terms, buffers["class_weights"], buffers["class_margins"],
                     self.label_smoothing, self.reduction, self.ignore_index)

    def extra_repr(self) -> str:
        columns = list(zip(*self.terms))
        names = ("k", "tau", "alpha", "weights")
        return ", ".join(f"{name}={column[0] if len(column) == 1 else list(column)}"
                         for name, column in zip(names, columns) if name != "weights" or len(column) > 1)
