"""The names of the authors' package, against the loss's definition."""
import pytest
import torch

import reference
from smooth_topk.svm import MaxTop1SVM, MaxTopkSVM, SmoothTop1SVM, SmoothTopkSVM


@pytest.mark.parametrize("classes", [2, 5, 30])
@pytest.mark.parametrize("alpha", [None, 0.5])
def test_losses(classes, alpha):
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(4, classes, generator=generator).requires_grad_()
    labels = torch.randint(classes, (4,), generator=generator)
    a = 1 if alpha is None else alpha
    cases = [(MaxTop1SVM(classes, alpha), 1, 0), (SmoothTop1SVM(classes, alpha), 1, 1),
             (SmoothTop1SVM(n_classes=classes, alpha=alpha, tau=0.3), 1, 0.3)]
    for k in [1, 3] if classes > 3 else [1]:
        cases += [(MaxTopkSVM(classes, alpha, k), k, 0), (SmoothTopkSVM(classes, alpha, 0.3, k), k, 0.3)]
    if classes > 5:
        cases += [(MaxTopkSVM(classes, alpha), 5, 0), (SmoothTopkSVM(classes, alpha), 5, 1)]
    for criterion, k, tau in cases:
        ours, theirs = criterion(scores, labels), reference.losses(scores, labels, k, tau, a).mean()
        assert ours.shape == () and torch.allclose(ours.double(), theirs, atol=1e-6)
        gradients = [torch.autograd.grad(loss, scores)[0] for loss in (ours, theirs)]
        assert torch.allclose(*gradients, atol=1e-6)


def test_tau_can_be_set():
    criterion = SmoothTop1SVM(2)
    criterion.tau = 0.5
    scores, labels = torch.randn(3, 2), torch.tensor([0, 1, 1])
    assert criterion.tau == 0.5
    assert torch.allclose(criterion(scores, labels), SmoothTop1SVM(2, tau=0.5)(scores, labels))
    with pytest.raises(ValueError, match="tau=-1"):
        criterion.tau = -1


@pytest.mark.parametrize("arguments", [{"n_classes": 0}, {"n_classes": 2.0}, {"n_classes": 5},
                                       {"n_classes": 10, "alpha": -1}, {"n_classes": 10, "tau": -1},
                                       {"n_classes": 10, "k": 0}])
def test_refusals(arguments):
    with pytest.raises((TypeError, ValueError)):
        SmoothTopkSVM(**arguments)


def test_wrong_number_of_classes():
    with pytest.raises(ValueError, match="scores"):
        SmoothTop1SVM(3)(torch.randn(2, 4), torch.tensor([0, 1]))
