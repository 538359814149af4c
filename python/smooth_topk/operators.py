"""The C core as operations of PyTorch: two-dimensional float32 scores in, losses and gradients out.

Three ways lead to the same core: an autograd function of its own for plain tensors, which costs least; one that
torch.func takes apart (PyTorch 2.0 and later); registered operators for torch.compile, other tracers, tensors without
numbers and subclasses of tensors (2.4 and later).
"""
from __future__ import annotations

import functools
import warnings
from typing import List, Optional, Tuple

import torch
from torch import Tensor

from . import _core

try:
    from . import _cuda
except ImportError:
    _cuda = None

NO_REDUCTION, MEAN, SUM = 0, 1, 2
MOST_TERMS = 64
Terms = Tuple[Tuple[int, float, float, float], ...]
_SECOND = "smooth_topk_loss: second derivatives are not implemented"


@functools.lru_cache(maxsize=256)
def _make_terms(terms: Terms):
    return _core.make_terms(terms)


def check_terms(terms: Terms) -> None:
    """Raises the core's ValueError for a number that is no float of the range."""
    _make_terms(terms)


def _address(tensor: Optional[Tensor]) -> int:
    return 0 if tensor is None else tensor.data_ptr()


@functools.lru_cache(maxsize=None)
def _warn_without_cuda() -> None:
    warnings.warn("smooth_topk was built without CUDA: scores on a GPU are sent to the CPU and back")


def _compute_on_gpu(scores, labels, terms, class_weights, ignore_index, losses, gradient):
    """Losses that are not reduced. A label out of range makes its loss NaN: to look for one would wait for the GPU."""
    made, (batch, classes) = _make_terms(terms), scores.shape
    kept = labels != ignore_index
    in_range = torch.where((labels >= 0) & (labels < classes), labels, classes)
    converted = torch.where(kept, in_range, -1).int()
    with torch.cuda.device(scores.device):
        size = _cuda.workspace_size(made, batch, classes)
        workspace = torch.empty(size, dtype=torch.uint8, device=scores.device)
        _cuda.label_loss(made, batch, classes, scores.data_ptr(), converted.data_ptr(), losses.data_ptr(),
                         _address(gradient), workspace.data_ptr(), size,
                         torch.cuda.current_stream(scores.device).cuda_stream)
    if class_weights is not None:
        weights = class_weights[converted.clamp(0, classes - 1).long()]
        losses *= weights
        if gradient is not None:
            gradient *= weights[:, None]


def _compute_labels(scores, labels, terms, class_weights, ignore_index, reduction, needs_gradient):
    """Losses (batch of them, or one number) and their gradient (None where it is not needed)."""
    batch, classes = scores.shape
    losses = scores.new_empty((batch,) if reduction == NO_REDUCTION else ())
    gradient = torch.empty_like(scores) if needs_gradient else None
    if scores.is_cuda:
        _compute_on_gpu(scores, labels, terms, class_weights, ignore_index, losses, gradient)
    else:
        _core.label_loss(_make_terms(terms), batch, classes, scores.data_ptr(), labels.data_ptr(), ignore_index,
                         _address(class_weights), reduction, losses.data_ptr(), _address(gradient))
    return losses, gradient


def _compute_rows(scores, truth, terms, class_margins):
    losses, gradient = scores.new_empty(len(scores)), torch.empty_like(scores)
    _core.row_loss(_make_terms(terms), _address(class_margins), *scores.shape, scores.data_ptr(), truth.data_ptr(),
                   losses.data_ptr(), gradient.data_ptr())
    return losses, gradient


def _times(gradient: Tensor, grad_losses: Tensor) -> Tensor:
    return gradient * (grad_losses if grad_losses.dim() == 0 else grad_losses[:, None])


def _scale_gradient(grad_losses: Tensor, gradient: Tensor) -> Tensor:
    """Their product, without a copy where the factor is 1."""
    if grad_losses.dim() == 0 and grad_losses.item() == 1.0:
        return gradient
    return _times(gradient, grad_losses)


class _FirstDerivative(torch.autograd.Function):
    """The gradient, as a function of the scores whose own derivative is refused in words."""

    @staticmethod
    def forward(ctx, scores, grad_losses, gradient):
        return _times(gradient, grad_losses)

    @staticmethod
    def backward(ctx, *unused):
        raise RuntimeError(_SECOND)


def _backward(scores, grad_losses, gradient):
    if torch.is_grad_enabled():  # create_graph=True
        return _FirstDerivative.apply(scores, grad_losses, gradient)
    return _scale_gradient(grad_losses, gradient)


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
        if gradient is not None and not torch.is_grad_enabled():  # saved tensors cost time
            return _scale_gradient(grad_losses, gradient), None, None, None, None, None
        scores, labels, class_weights = ctx.saved_tensors
        if gradient is None:  # a second time through a retained graph
            terms, ignore_index, reduction = ctx.arguments
            with torch.no_grad():
                gradient = _compute_labels(scores, labels, terms, class_weights, ignore_index, reduction, True)[1]
        return _backward(scores, grad_losses, gradient), None, None, None, None, None


class _RowLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, truth, terms, class_margins):
        losses, gradient = _compute_rows(scores, truth, terms, class_margins)
        ctx.save_for_backward(scores, gradient)
        return losses

    @staticmethod
    def backward(ctx, grad_losses):
        scores, gradient = ctx.saved_tensors
        return _backward(scores, grad_losses, gradient), None, None, None


# ---- torch.func ----

def _compute(scores, target, terms, class_numbers, ignore_index):
    """Losses and gradients of labels (integers) or of rows of truth; class_numbers: their weights or margins."""
    scores, target = scores.contiguous(), target.contiguous()
    if target.is_floating_point():
        return _compute_rows(scores, target, terms, class_numbers)
    return _compute_labels(scores, target, terms, class_numbers, ignore_index, NO_REDUCTION, True)


def _join_batches(compute, batch_size, in_dims, scores, target):
    """Many batches are one: vmap's dimension joins the batch's."""
    scores, target = (tensor.expand(batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
                      for tensor, dim in zip((scores, target), in_dims))
    results = compute(scores.flatten(0, 1), target.flatten(0, 1))
    return tuple(result.unflatten(0, scores.shape[:2]) for result in results), (0, 0)


class _FunctionalLoss(torch.autograd.Function):
    """The gradient is a second output, so that its derivative, which is not known, is asked for and refused."""

    @staticmethod
    def forward(scores, target, terms, class_numbers, ignore_index):
        return _compute(scores, target, terms, class_numbers, ignore_index)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx, grad_losses, grad_gradient):
        if grad_gradient is not None:
            raise RuntimeError(_SECOND)
        if grad_losses is None:
            return None, None, None, None, None
        return _times(ctx.saved_tensors[0], grad_losses), None, None, None, None

    @staticmethod
    def jvp(ctx, *unused):
        raise RuntimeError("smooth_topk_loss: forward-mode derivatives are not implemented")

    @staticmethod
    def vmap(info, in_dims, scores, target, terms, class_numbers, ignore_index):
        if in_dims[3] is not None:
            raise RuntimeError("smooth_topk_loss: class_weights and class_margins cannot be mapped over by vmap")
        return _join_batches(lambda *both: _FunctionalLoss.apply(*both, terms, class_numbers, ignore_index),
                             info.batch_size, in_dims, scores, target)


# ---- torch.compile ----

if hasattr(torch.library, "custom_op"):

    def _flat(terms: Terms):
        return [int(term[0]) for term in terms], [float(number) for term in terms for number in term[1:]]

    @torch.library.custom_op("smooth_topk::loss", mutates_args=())
    def _operator(scores: Tensor, target: Tensor, k: List[int], numbers: List[float], class_numbers: Optional[Tensor],
                  ignore_index: int) -> Tuple[Tensor, Tensor]:
        terms = tuple((k[i], *numbers[3 * i:3 * i + 3]) for i in range(len(k)))
        return _compute(scores, target, terms, class_numbers, ignore_index)

    @torch.library.custom_op("smooth_topk::times", mutates_args=())
    def _times_operator(gradient: Tensor, grad_losses: Tensor) -> Tensor:
        return _times(gradient, grad_losses)

    @_operator.register_fake
    def _(scores, *unused):
        return scores.new_empty(scores.shape[0]), torch.empty_like(scores, memory_format=torch.contiguous_format)

    @_times_operator.register_fake
    def _(gradient, grad_losses):
        return torch.empty_like(gradient)

    def _keep(ctx, inputs, output):
        ctx.save_for_backward(output[1])

    def _operator_backward(ctx, grad_losses, unused):
        return (_times_operator(ctx.saved_tensors[0], grad_losses),) + (None,) * 5

    def _refuse(ctx, *unused):
        raise RuntimeError(_SECOND)

    _operator.register_autograd(_operator_backward, setup_context=_keep)
    _times_operator.register_autograd(_refuse)
else:
    _operator = None

if hasattr(torch, "compiler") and hasattr(torch.compiler, "is_compiling"):
    is_compiling = torch.compiler.is_compiling
else:
    def is_compiling() -> bool:
        return False

_PLAIN = (Tensor, torch.nn.Parameter)
_peek = getattr(getattr(torch._C, "_functorch", None), "peek_interpreter_stack", lambda: None)
_modes = getattr(torch._C, "_len_torch_dispatch_stack", lambda: 0)


def _needs_operator(scores: Tensor) -> bool:
    return is_compiling() or type(scores) not in _PLAIN or scores.is_meta or _modes() > 0 \
        or torch._C._get_tracing_state() is not None


def _traced_losses(scores, target, terms, class_numbers, ignore_index):
    """The losses, not reduced, where the autograd functions for plain tensors cannot be used; None where they can."""
    if not is_compiling() and _peek() is not None:
        return _FunctionalLoss.apply(scores, target, terms, class_numbers, ignore_index)[0]
    if not _needs_operator(scores):
        return None
    if _operator is None:
        raise TypeError(f"scores: {type(scores).__name__} on {scores.device}: needs PyTorch 2.4 or later; "
                        "earlier ones take plain tensors on the CPU or a CUDA device")
    return _operator(scores, target, *_flat(terms), class_numbers, ignore_index)[0]


# ---- what the package calls ----

def _reduce_losses(losses, labels, class_weights, ignore_index, reduction):
    if reduction != MEAN:
        return losses.sum() if reduction == SUM else losses
    kept = labels != ignore_index
    if class_weights is None:
        return losses.sum() / kept.sum()
    return losses.sum() / (class_weights[torch.where(kept, labels, 0)] * kept).sum()


def label_loss(scores: Tensor, labels: Tensor, terms: Terms, class_weights: Optional[Tensor], ignore_index: int,
               reduction: int) -> Tensor:
    """scores: batch x classes, float32, contiguous; labels: batch, int64, contiguous; class_weights: float32."""
    on_gpu = scores.is_cuda
    if on_gpu and _cuda is None:
        _warn_without_cuda()
        weights = None if class_weights is None else class_weights.cpu()
        return label_loss(scores.cpu(), labels.cpu(), terms, weights, ignore_index, reduction).to(scores.device)
    losses = _traced_losses(scores, labels, terms, class_weights, ignore_index)
    if losses is None:
        losses = _LabelLoss.apply(scores, labels, terms, class_weights, ignore_index,
                                  NO_REDUCTION if on_gpu else reduction)
        if not on_gpu:
            return losses
    return _reduce_losses(losses, labels, class_weights, ignore_index, reduction)


def row_loss(scores: Tensor, truth: Tensor, terms: Terms, class_margins: Optional[Tensor]) -> Tensor:
    """scores and truth: batch x classes, float32, contiguous. Losses: batch of them. Computed on the CPU."""
    device = scores.device
    if scores.is_cuda:
        scores, truth = scores.cpu(), truth.cpu()
        class_margins = None if class_margins is None else class_margins.cpu()
    losses = _traced_losses(scores, truth, terms, class_margins, -1)
    if losses is None:
        losses = _RowLoss.apply(scores, truth, terms, class_margins)
    return losses.to(device)
