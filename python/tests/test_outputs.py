"""Membership probabilities and prediction sets."""
import pytest
import torch

import reference
from smooth_topk import prediction_sets, topk_membership


@pytest.mark.parametrize("k,tau", [(1, 1.0), (2, 0.3), (5, 1.0), (9, 5.0)])
def test_membership(k, tau):
    scores = torch.randn(4, 10, generator=torch.Generator().manual_seed(1)) * 3
    expected = torch.stack([reference.membership_of_row(row, k, tau) for row in scores])
    ours = topk_membership(scores, k, tau)
    assert torch.allclose(ours.double(), expected, atol=1e-5)
    assert torch.allclose(ours.sum(1), torch.tensor(float(k)), atol=1e-4)
    assert torch.allclose(topk_membership(scores.T[None].repeat(2, 1, 1), k, tau)[0].T, ours, atol=1e-6)
    assert torch.allclose(topk_membership(scores[0].double(), k, tau), ours[0].double(), atol=1e-6)
    assert torch.isnan(topk_membership(torch.full((1, 10), float("nan")), k)).all()


def test_membership_is_softmax_for_one():
    scores = torch.randn(4, 10)
    assert torch.allclose(topk_membership(scores, 1), scores.softmax(1), atol=1e-6)


@pytest.mark.parametrize("score", ["lac", "aps", "raps", "rank"])
def test_prediction_sets(score):
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(20, (4000,), generator=generator)
    scores = torch.randn(4000, 20, generator=generator)
    scores[torch.arange(4000), labels] += 2
    probabilities = scores.softmax(1)
    sets = prediction_sets(probabilities[2000:], probabilities[:2000], labels[:2000], 0.9, score)
    assert sets.dtype == torch.bool and sets.shape == (2000, 20)
    covered = sets[torch.arange(2000), labels[2000:]].float().mean()
    assert 0.87 < covered < (1 if score == "rank" else 0.93)
    if score == "lac":
        own = (1 - probabilities[:2000].double())[torch.arange(2000), labels[:2000]].sort().values[1800]
        assert torch.equal(sets, 1 - probabilities[2000:].double() <= own)
