"""Prediction sets: as many guesses as it takes to be right as often as asked (split conformal prediction)."""
from __future__ import annotations

import torch
from torch import Tensor

from . import _core


def _rows(name: str, probabilities: Tensor) -> Tensor:
    if not isinstance(probabilities, Tensor) or probabilities.dim() != 2 or not probabilities.is_floating_point():
        raise ValueError(f"{name}: must be a tensor of floating point numbers, images x classes")
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
