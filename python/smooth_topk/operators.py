"""The C core as operations of PyTorch: two-dimensional float32 scores in, losses and gradients out.

Three ways lead to the same core: an autograd function in eager mode, which costs least; registered operators under
torch.compile and torch.func, where PyTorch has them (2.4 and later).
"""
from __future__ import annotations

import functools
import warnings
from typing import Optional, Tuple

import torch
from torch import Tensor

from . import _core

try:
    from . import _cuda
except ImportError:
    _cuda = None

NO_REDUCTION, MEAN, SUM = 0, 1, 2
Terms = Tuple[Tuple[int, float, float, float], ...]
_SECOND = "smooth_topk_loss: second derivatives are not implemented"


@functools.lru_cache(maxsize=256)
def _make_terms(terms: Terms):
    return _core.make_terms(terms)


def _address(tensor: Optional[Tensor]) -> int:
    return 0 if tensor is None else tensor.data_ptr()


@functools.lru_cache(maxsize=None)
def _warn_without_cuda() -> None:
    warnings.warn("smooth_topk was built without CUDA: scores on a GPU are sent to the CPU and back")


def _compute_on_gpu(scores, labels, terms, losses, gradient):
    made, (batch, classes) = _make_terms(terms), scores.shape
    with torch.cuda.device(scores.device):
        size = _cuda.workspace_size(made, batch, classes)
        workspace = torch.empty(size, dtype=torch.uint8, device=scores.device)
        _cuda.label_loss(made, batch, classes, scores.data_ptr(), labels.data_ptr(), losses.data_ptr(),
                         _address(gradient), workspace.data_ptr(), size,
                         torch.cuda.current_stream(scores.device).cuda_stream)


def _compute_labels(scores, labels, terms, class_weights, ignore_index, reduction, needs_gradient):
    """Losses (batch of them, or one number) and their gradient (None where it is not needed)."""
    batch, classes = scores.shape
    losses = scores.new_empty((batch,) if reduction == NO_REDUCTION else ())
    gradient = torch.empty_like(scores) if needs_gradient else None
    if scores.device.type == "cuda":
        _compute_on_gpu(scores, labels, terms, losses, gradient)
        return losses, gradient
    divisor = _core.label_loss(_make_terms(terms), batch, classes, scores.data_ptr(), labels.data_ptr(), ignore_index,
                               _address(class_weights), reduction, losses.data_ptr(), _address(gradient))
    if divisor != 1.0 and gradient is not None:
        gradient /= divisor
    return losses, gradient


def _compute_rows(scores, truth, terms, class_margins):
    losses, gradient = scores.new_empty(len(scores)), torch.empty_like(scores)
    _core.row_loss(_make_terms(terms), _address(class_margins), *scores.shape, scores.data_ptr(), truth.data_ptr(),
                   losses.data_ptr(), gradient.data_ptr())
    return losses, gradient


def _times(gradient: Tensor, grad_losses: Tensor) -> Tensor:
    return gradient * (grad_losses if grad_losses.dim() == 0 else grad_losses[:, None])


class _Gradient(torch.autograd.Function):
    """The gradient as it was computed; its own derivative is refused in words."""

    @staticmethod
    def forward(ctx, grad_losses, gradient):
        if grad_losses.dim() == 0 and grad_losses.device.type == "cpu" and grad_losses.item() == 1.0:
            return gradient
        return _times(gradient, grad_losses)

    @staticmethod
    def backward(ctx, *unused):
        raise RuntimeError(_SECOND)


class _LabelLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, labels, terms, class_weights, ignore_index, reduction):
        losses, ctx.gradient = _compute_labels(scores, labels, terms, class_weights, ignore_index, reduction,
                                               ctx.needs_input_grad[0])
        ctx.save_for_backward(scores, labels, class_weights)
        ctx.arguments = terms, ignore_index, reduction
        return losses

    @staticmethod
    def backward(ctx, grad_losses):
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:  # a second time through a retained graph
            scores, labels, class_weights = ctx.saved_tensors
            terms, ignore_index, reduction = ctx.arguments
            gradient = _compute_labels(scores, labels, terms, class_weights, ignore_index, reduction, True)[1]
        if torch.is_grad_enabled() and grad_losses.requires_grad:
            return _Gradient.apply(grad_losses, gradient), None, None, None, None, None
        return _Gradient.forward(None, grad_losses, gradient), None, None, None, None, None


class _RowLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, truth, terms, class_margins):
        losses, gradient = _compute_rows(scores, truth, terms, class_margins)
        ctx.save_for_backward(gradient)
        return losses

    @staticmethod
    def backward(ctx, grad_losses):
        return _Gradient.apply(grad_losses, ctx.saved_tensors[0]), None, None, None


if hasattr(torch.library, "custom_op"):

    def _flat(terms: Terms):
        return [int(term[0]) for term in terms], [float(number) for term in terms for number in term[1:]]

    def _terms(k, numbers) -> Terms:
        return tuple((k[i], *numbers[3 * i:3 * i + 3]) for i in range(len(k)))

    @torch.library.custom_op("smooth_topk::label_loss", mutates_args=())
    def _label_operator(scores: Tensor, labels: Tensor, k: list[int], numbers: list[float],
                        class_weights: Optional[Tensor], ignore_index: int) -> Tuple[Tensor, Tensor]:
        return _compute_labels(scores.contiguous(), labels.contiguous(), _terms(k, numbers), class_weights,
                               ignore_index, NO_REDUCTION, True)

    @torch.library.custom_op("smooth_topk::row_loss", mutates_args=())
    def _row_operator(scores: Tensor, truth: Tensor, k: list[int], numbers: list[float],
                      class_margins: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
        return _compute_rows(scores.contiguous(), truth.contiguous(), _terms(k, numbers), class_margins)

    def _fake(scores, *unused):
        return scores.new_empty(scores.shape[0]), torch.empty_like(scores, memory_format=torch.contiguous_format)

    @torch.library.custom_op("smooth_topk::times", mutates_args=())
    def _times_operator(gradient: Tensor, grad_losses: Tensor) -> Tensor:
        return _times(gradient, grad_losses)

    @_times_operator.register_fake
    def _(gradient, grad_losses):
        return torch.empty_like(gradient)

    @_times_operator.register_vmap
    def _(info, in_dims, gradient, grad_losses):
        gradient = gradient.movedim(in_dims[0], 0) if in_dims[0] is not None else gradient[None]
        grad_losses = grad_losses.movedim(in_dims[1], 0) if in_dims[1] is not None else grad_losses[None]
        return gradient * grad_losses[..., None], 0

    def _refuse(ctx, *unused):
        raise RuntimeError(_SECOND)

    _times_operator.register_autograd(_refuse)

    def _keep(ctx, inputs, output):
        ctx.save_for_backward(output[1])
        ctx.count = len(inputs)

    def _backward(ctx, grad_losses, unused):
        gradient, = ctx.saved_tensors
        return (_times_operator(gradient, grad_losses),) + (None,) * (ctx.count - 1)

    def _vmap_rule(operator):
        """Many batches are one: vmap's dimension joins the batch's."""
        def rule(info, in_dims, scores, target, *rest):
            scores, target = (tensor.movedim(dim, 0) if dim is not None else tensor.expand(info.batch_size, *tensor.shape)
                              for tensor, dim in zip((scores, target), in_dims))
            losses, gradient = operator(scores.flatten(0, 1), target.flatten(0, 1), *rest)
            return (losses.unflatten(0, scores.shape[:2]), gradient.unflatten(0, scores.shape[:2])), (0, 0)
        return rule

    for _operator in (_label_operator, _row_operator):
        _operator.register_fake(_fake)
        _operator.register_autograd(_backward, setup_context=_keep)
        _operator.register_vmap(_vmap_rule(_operator))

    def _is_traced() -> bool:
        return torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None

else:

    def _is_traced() -> bool:
        return False


def _reduce_losses(losses, labels, class_weights, ignore_index, reduction):
    if reduction != MEAN:
        return losses.sum() if reduction == SUM else losses
    kept = labels != ignore_index
    return losses.sum() / (kept.sum() if class_weights is None else (class_weights[labels.clamp_min(0)] * kept).sum())


def _label_loss_on_gpu(scores, labels, terms, class_weights, ignore_index, reduction):
    if _cuda is None:
        _warn_without_cuda()
        weights = None if class_weights is None else class_weights.cpu()
        return label_loss(scores.cpu(), labels.cpu(), terms, weights, ignore_index, reduction).to(scores.device)
    kept = torch.where(labels == ignore_index, -1, labels).int()
    losses = _LabelLoss.apply(scores, kept, terms, None, -1, NO_REDUCTION)
    if class_weights is not None:
        losses = losses * class_weights[labels.clamp_min(0)]
    return _reduce_losses(losses, labels, class_weights, ignore_index, reduction)


def label_loss(scores: Tensor, labels: Tensor, terms: Terms, class_weights: Optional[Tensor], ignore_index: int,
               reduction: int) -> Tensor:
    """scores: batch x classes, float32, contiguous; labels: batch, int64, contiguous; class_weights: float32."""
    if scores.device.type == "cuda":
        return _label_loss_on_gpu(scores, labels, terms, class_weights, ignore_index, reduction)
    if not _is_traced():
        return _LabelLoss.apply(scores, labels, terms, class_weights, ignore_index, reduction)
    losses, _ = _label_operator(scores, labels, *_flat(terms), class_weights, ignore_index)
    return _reduce_losses(losses, labels, class_weights, ignore_index, reduction)


def row_loss(scores: Tensor, truth: Tensor, terms: Terms, class_margins: Optional[Tensor]) -> Tensor:
    """scores and truth: batch x classes, float32, contiguous. Losses: batch of them. Computed on the CPU."""
    device = scores.device
    scores, truth = scores.cpu(), truth.cpu()
    margins = None if class_margins is None else class_margins.cpu()
    if _is_traced():
        losses, _ = _row_operator(scores, truth, *_flat(terms), margins)
    else:
        losses = _RowLoss.apply(scores, truth, terms, margins)
    return losses.to(device)
