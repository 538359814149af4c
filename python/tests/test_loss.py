"""The loss beside its definition and beside cross_entropy."""
import pickle

import pytest
import torch
from torch.nn.functional import cross_entropy

import reference
from smooth_topk import SmoothTopKLoss, smooth_topk_loss


def scores_and_labels(batch=6, classes=12, spread=3.0, seed=1):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(batch, classes, generator=generator) * spread
    return scores.requires_grad_(), torch.randint(classes, (batch,), generator=generator)


def gradient(loss, scores):
    return torch.autograd.grad(loss, scores)[0]


def close(a, b, tolerance=2e-5):
    assert a.shape == b.shape
    assert torch.allclose(a.double(), b.double(), rtol=tolerance, atol=tolerance), (a, b)


@pytest.mark.parametrize("k", [1, 2, 5, 11])
@pytest.mark.parametrize("tau", [0.0, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.5])
def test_definition(k, tau, alpha):
    scores, labels = scores_and_labels()
    ours, theirs = smooth_topk_loss(scores, labels, k, tau, alpha, reduction="none"), \
        reference.losses(scores, labels, k, tau, alpha)
    close(ours, theirs)
    factors = torch.arange(1.0, 7)
    close(gradient((ours * factors).sum(), scores), gradient((theirs * factors).sum(), scores))


@pytest.mark.parametrize("batch", [0, 1, 16, 17, 40])
@pytest.mark.parametrize("classes", [6, 100, 513])
def test_batches(batch, classes):
    scores, labels = scores_and_labels(batch, classes)
    ours = smooth_topk_loss(scores, labels, reduction="none")
    if not batch:
        assert ours.shape == (0,) and gradient(ours.sum(), scores).shape == (0, classes)
        return
    theirs = reference.losses(scores, labels, 5)
    close(ours, theirs)
    close(gradient(ours.sum(), scores), gradient(theirs.sum(), scores))


def test_several_k():
    scores, labels = scores_and_labels()
    ours = smooth_topk_loss(scores, labels, [1, 5], [1, 0.5], [0, 1], [1, 3], reduction="sum")
    theirs = (reference.losses(scores, labels, 1, 1, 0) + 3 * reference.losses(scores, labels, 5, 0.5, 1)).sum() / 4
    close(ours, theirs)
    close(gradient(ours, scores), gradient(theirs, scores))


def test_class_margins():
    scores, labels = scores_and_labels()
    margins = torch.linspace(0, 2, 12)
    ours = smooth_topk_loss(scores, labels, 3, class_margins=margins)
    theirs = torch.stack([reference.loss_of_row(row, int(label), 3, 1, float(margins[label]))
                          for row, label in zip(scores, labels)]).mean()
    close(ours, theirs)
    close(gradient(ours, scores), gradient(theirs, scores))


def as_cross_entropy(scores, target, **options):
    ours = smooth_topk_loss(scores, target, 1, 1, 0, **options)
    if "class_weights" in options:
        options["weight"] = options.pop("class_weights")
    theirs = cross_entropy(scores, target, **options)
    close(ours, theirs)
    factors = torch.arange(1.0, 1 + ours.numel()).reshape(ours.shape)
    close(gradient((ours * factors).sum(), scores), gradient((theirs * factors).sum(), scores))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(), (6,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("soft", [False, True])
def test_cross_entropy(reduction, smoothing, weighted, shape, soft):
    generator = torch.Generator().manual_seed(2)
    scores_shape = shape[:1] + (7,) + shape[1:]
    scores = (torch.randn(scores_shape, generator=generator) * 2).requires_grad_()
    options = {"reduction": reduction, "label_smoothing": smoothing}
    if weighted:
        options["class_weights"] = torch.linspace(0, 2, 7)
    if soft:
        target = torch.rand(scores_shape, generator=generator)
        target = target / target.sum(1 if shape else 0, keepdim=True)
    else:
        target = torch.randint(1, 7, shape, generator=generator)
        if shape:
            target[..., 0] = -100
    as_cross_entropy(scores, target, **options)


@pytest.mark.parametrize("weighted", [False, True])
def test_all_ignored(weighted):
    scores, labels = scores_and_labels()
    labels[:] = 3
    options = {"class_weights": torch.ones(12)} if weighted else {}
    assert torch.isnan(smooth_topk_loss(scores, labels, ignore_index=3, **options))
    assert not smooth_topk_loss(scores, labels, ignore_index=3, reduction="sum", **options).any()
    assert not smooth_topk_loss(scores, labels, ignore_index=3, reduction="none", **options).any()


def test_bad_scores_stay_in_their_row():
    scores, labels = scores_and_labels()
    with torch.no_grad():
        scores[2, 3] = float("nan")
        scores[4, 1] = float("inf")
        scores[5] = -float("inf")
        scores[5, :3] = 0
    labels[5] = 0
    losses = smooth_topk_loss(scores, labels, reduction="none")
    assert torch.isnan(losses).tolist() == [False, False, True, False, True, False]
    assert losses[5] == 0
    assert torch.isnan(gradient(losses.sum(), scores)).any(1).tolist() == [False, False, True, False, True, False]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_types(dtype):
    scores, labels = scores_and_labels()
    converted = scores.detach().to(dtype).requires_grad_()
    exact = converted.detach().float().requires_grad_()
    ours, theirs = smooth_topk_loss(converted, labels), smooth_topk_loss(exact, labels)
    assert ours.dtype == dtype and ours == theirs.to(dtype)
    close(gradient(ours, converted), gradient(theirs, exact).to(dtype), 1e-6)


def test_strided_scores():
    scores, labels = scores_and_labels()
    close(smooth_topk_loss(scores.t().contiguous().t(), labels), smooth_topk_loss(scores, labels), 0)
    wide = torch.stack((scores, scores), 2)[..., 0]
    close(smooth_topk_loss(wide, labels), smooth_topk_loss(scores, labels), 0)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int16, torch.int32])
def test_label_types(dtype):
    scores, labels = scores_and_labels()
    close(smooth_topk_loss(scores, labels.to(dtype)), smooth_topk_loss(scores, labels), 0)


def test_gradcheck():
    scores, labels = scores_and_labels(3, 8)
    for options in ({}, {"reduction": "none"}, {"class_weights": torch.linspace(0.5, 1, 8)}, {"label_smoothing": 0.1}):
        assert torch.autograd.gradcheck(lambda x: smooth_topk_loss(x, labels, 3, **options), scores.double(),
                                        eps=1e-2, atol=1e-3)


def test_retained_graph():
    scores, labels = scores_and_labels()
    loss = smooth_topk_loss(scores, labels)
    first, = torch.autograd.grad(loss, scores, retain_graph=True)
    second, = torch.autograd.grad(3 * loss, scores)
    close(3 * first, second, 1e-6)
    assert first is not second


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"reduction": "none"}])
def test_second_derivative_is_refused(options):
    scores, labels = scores_and_labels()
    first, = torch.autograd.grad(smooth_topk_loss(scores, labels, **options).sum(), scores, create_graph=True)
    with pytest.raises(RuntimeError, match="second derivatives are not implemented"):
        first.norm().backward()


def test_without_gradient():
    scores, labels = scores_and_labels()
    with torch.no_grad():
        loss = smooth_topk_loss(scores, labels)
    assert not loss.requires_grad and loss == smooth_topk_loss(scores, labels)


def test_module():
    scores, labels = scores_and_labels()
    criterion = SmoothTopKLoss([1, 5], alpha=[0, 1], class_weights=torch.ones(12), label_smoothing=0.1)
    close(criterion(scores, labels), smooth_topk_loss(scores, labels, [1, 5], 1, [0, 1], label_smoothing=0.1))
    again = pickle.loads(pickle.dumps(criterion))
    assert again(scores, labels) == criterion(scores, labels)
    assert list(criterion.state_dict()) == ["class_weights"]
    assert repr(criterion) == "SmoothTopKLoss(k=[1, 5], tau=[1.0, 1.0], alpha=[0.0, 1.0], weights=[0.5, 0.5])"
    assert repr(SmoothTopKLoss()) == "SmoothTopKLoss(k=5, tau=1.0, alpha=1.0)"


def test_parameter_as_scores():
    scores, labels = scores_and_labels()
    parameter = torch.nn.Parameter(scores.detach().clone())
    smooth_topk_loss(parameter, labels).backward()
    close(parameter.grad, gradient(smooth_topk_loss(scores, labels), scores), 0)
