"""What is made of a network's scores: membership probabilities, and prediction sets (split conformal prediction)."""
from __future__ import annotations

import torch
from torch import Tensor

from . import _core
from .loss import check_scores, make_terms


def _rows(name: str, probabilities: Tensor) -> Tensor:
    if not isinstance(probabilities, Tensor) or probabilities.dim() != 2 or not probabilities.is_floating_point():
        raise TypeError(f"{name}: must be a tensor of floating point numbers, images x classes")
    return probabilities.detach().to("cpu", torch.float32).contiguous()


def prediction_sets(probabilities: Tensor, calibration_probabilities: Tensor, calibration_labels: Tensor,
                    cover: float = 0.9, score: str = "lac") -> Tensor:
    """The classes of each image that hold the right one with probability `cover`: images x classes, bool.

    probabilities               images x classes
    calibration_probabilities   of images that the network was not trained on, drawn like the others
    calibration_labels          theirs, int64
    score                       lac (1 - p), aps, raps or rank
    """
    rows, own = _rows("probabilities", probabilities), _rows("calibration_probabilities", calibration_probabilities)
    if not isinstance(calibration_labels, Tensor) or calibration_labels.is_floating_point():
        raise TypeError("calibration_labels: must be a tensor of whole numbers")
    if isinstance(cover, bool) or not isinstance(cover, (int, float)) or not 0 < cover < 1:
        raise ValueError(f"cover={cover!r}: must be a number above 0 and below 1")
    if not isinstance(score, str):
        raise TypeError(f"score={score!r}: must be lac, aps, raps or rank")
    labels = calibration_labels.detach().to("cpu", torch.int64).contiguous()
    if labels.shape != own.shape[:1]:
        raise ValueError(f"calibration_labels: of shape {tuple(labels.shape)}; must be {tuple(own.shape[:1])}")
    if rows.shape[1] != own.shape[1]:
        raise ValueError(f"calibration_probabilities: {own.shape[1]} classes, but probabilities has {rows.shape[1]}")
    if len(labels) and not (0 <= int(labels.min()) and int(labels.max()) < own.shape[1]):
        raise IndexError(f"calibration_labels: must be 0 to {own.shape[1] - 1}")
    threshold = _core.set_threshold(score, cover, *own.shape, own.data_ptr(), labels.data_ptr())
    members = torch.zeros(rows.shape, dtype=torch.bool)
    _core.set_members(score, threshold, *rows.shape, rows.data_ptr(), members.data_ptr())
    return members.to(probabilities.device)


def topk_membership(scores: Tensor, k: int = 5, tau: float = 1.0) -> Tensor:
    """The probability of each class to be among the k, under the loss's distribution; it sums to k over the classes.

    scores  (classes,), (batch, classes) or (batch, classes, d1, ...), floating point
    k, tau  of the loss; 1 <= k < classes, 1e-30 <= tau <= 1e30

    Of the shape and type of the scores, computed in double on the CPU, without a gradient. Where a score is NaN or
    +inf, or fewer than k are finite, the probabilities of that sample are NaN.
    """
    dimension = check_scores("scores", scores)
    (k, tau, _, _), *others = make_terms(k, tau)
    if others:
        raise ValueError("k: must be one number")
    if not 1e-30 <= tau <= 1e30:
        raise ValueError(f"tau={tau!r}: must be 1e-30 to 1e30")
    classes = scores.shape[dimension]
    if k >= classes:
        raise ValueError(f"k={k}: must be below the number of classes, which is {classes}")
    rows = scores.detach().to("cpu", torch.float32).movedim(dimension, -1).contiguous()
    output = torch.empty_like(rows)
    _core.membership(k, k * tau, rows.numel() // classes, classes, rows.data_ptr(), output.data_ptr())
    return output.movedim(-1, dimension).to(scores.device, scores.dtype)
