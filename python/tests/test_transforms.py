"""torch.compile, torch.func, autocast, tensors without numbers."""
import pytest
import torch

from smooth_topk import SmoothTopKLoss, smooth_topk_loss

SCORES = torch.randn(6, 12, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([0, 1, -100, 5, 11, 3])
func = pytest.mark.skipif(not hasattr(torch, "func"), reason="this PyTorch has no torch.func")
operator = pytest.mark.skipif(not hasattr(torch.library, "custom_op"), reason="this PyTorch has no custom operators")
OPTIONS = [{}, {"reduction": "sum"}, {"k": [1, 5]}, {"class_weights": torch.linspace(0.5, 1, 12)},
           {"class_margins": torch.linspace(0.5, 1, 12)}]


def eager(options):
    scores = SCORES.clone().requires_grad_()
    loss = smooth_topk_loss(scores, LABELS, **options)
    return loss, torch.autograd.grad(loss, scores)[0]


@operator
@pytest.mark.parametrize("options", OPTIONS[:4])
def test_compile(options):
    compiled = torch.compile(lambda scores: smooth_topk_loss(scores * 1, LABELS, **options), fullgraph=True,
                             backend="aot_eager")
    scores = SCORES.clone().requires_grad_()
    loss = compiled(scores)
    loss.backward()
    assert torch.allclose(loss, eager(options)[0]) and torch.allclose(scores.grad, eager(options)[1], atol=1e-7)


@operator
def test_compiled_module():
    criterion = SmoothTopKLoss()
    assert torch.allclose(torch.compile(criterion, fullgraph=True, backend="aot_eager")(SCORES, LABELS),
                          criterion(SCORES, LABELS))


@operator
def test_operator_check():
    from smooth_topk import operators
    scores = SCORES.clone().requires_grad_()
    labels = LABELS.clamp_min(0)
    for target in (labels, torch.eye(12)[labels]):
        torch.library.opcheck(operators._operator, (scores, target, [5], [1.0, 1.0, 1.0], None, -100))


@func
@pytest.mark.parametrize("options", OPTIONS[:4])
def test_grad(options):
    gradient, loss = torch.func.grad_and_value(lambda scores: smooth_topk_loss(scores, LABELS, **options))(SCORES)
    assert torch.allclose(loss, eager(options)[0]) and torch.allclose(gradient, eager(options)[1], atol=1e-7)


@func
@pytest.mark.parametrize("options", [{}, {"k": [1, 5]}])
def test_vmap(options):
    def loss(scores, label):
        return smooth_topk_loss(scores, label, **options)
    labels = LABELS.clamp_min(0)
    expected = torch.stack([loss(row, label) for row, label in zip(SCORES, labels)])
    assert torch.allclose(torch.func.vmap(loss)(SCORES, labels), expected)
    scores = SCORES.clone().requires_grad_()
    rows, = torch.autograd.grad(smooth_topk_loss(scores, labels, reduction="sum", **options), scores)
    assert torch.allclose(torch.func.vmap(torch.func.grad(loss))(SCORES, labels), rows, atol=1e-7)
    assert torch.allclose(torch.func.vmap(loss, (None, 0))(SCORES[0], labels),
                          torch.stack([loss(SCORES[0], label) for label in labels]))


@func
def test_second_derivative_is_refused():
    def loss(scores):
        return smooth_topk_loss(scores, LABELS)
    for second in (torch.func.hessian, lambda f: torch.func.jacrev(torch.func.grad(f))):
        with pytest.raises(RuntimeError, match="not implemented"):
            second(loss)(SCORES)


def test_autocast():
    scores = SCORES.bfloat16()
    assert smooth_topk_loss(scores, LABELS).dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        assert smooth_topk_loss(scores, LABELS).dtype == torch.float32


@operator
def test_tensors_without_numbers():
    assert smooth_topk_loss(SCORES.to("meta"), LABELS.to("meta")).device.type == "meta"
    with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True) as mode:
        scores = mode.from_tensor(SCORES)
        assert smooth_topk_loss(scores, mode.from_tensor(LABELS), reduction="none").shape == (6,)


@operator
def test_subclass():
    class Named(torch.Tensor):
        pass
    assert torch.allclose(smooth_topk_loss(SCORES.as_subclass(Named), LABELS).as_subclass(torch.Tensor),
                          smooth_topk_loss(SCORES, LABELS))


def test_jit_trace():
    if not hasattr(torch.library, "custom_op"):
        pytest.skip("this PyTorch has no custom operators")
    traced = torch.jit.trace(lambda scores: smooth_topk_loss(scores, LABELS), SCORES)
    assert torch.allclose(traced(SCORES * 2), smooth_topk_loss(SCORES * 2, LABELS))
