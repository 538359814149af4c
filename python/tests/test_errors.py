"""Every wrong shape, type, device or value is an exception that names it."""
import pytest
import torch

from smooth_topk import SmoothTopKLoss, prediction_sets, smooth_topk_loss, topk_membership

SCORES, LABELS = torch.randn(4, 10), torch.tensor([0, 3, 9, 2])
NAN, INF = float("nan"), float("inf")


def numbers(*values):
    return torch.tensor([1.0] * (10 - len(values)) + list(values))


SETTINGS = [
    (ValueError, "k=0", {"k": 0}),
    (ValueError, "k=-3", {"k": -3}),
    (ValueError, r"k=\[\]", {"k": []}),
    (ValueError, "k=", {"k": [1] * 65}),
    (ValueError, "k=", {"k": 2**40}),
    (TypeError, "k=2.5", {"k": 2.5}),
    (TypeError, "k=True", {"k": True}),
    (TypeError, "k='5'", {"k": "5"}),
    (TypeError, "k=None", {"k": None}),
    (ValueError, "tau=-1", {"tau": -1}),
    (ValueError, "tau=nan", {"tau": NAN}),
    (ValueError, "tau", {"tau": 1e39}),
    (TypeError, "tau='a'", {"tau": "a"}),
    (TypeError, "tau=None", {"tau": None}),
    (ValueError, "tau=", {"k": [1, 5], "tau": [1, 2, 3]}),
    (ValueError, "alpha=-1", {"alpha": -1}),
    (ValueError, "alpha=inf", {"alpha": INF}),
    (TypeError, "alpha=", {"alpha": torch.ones(1)}),
    (ValueError, "weights=0", {"weights": 0}),
    (ValueError, "weights=", {"k": [1, 5], "weights": [1, 0]}),
    (ValueError, "weights=", {"k": [1, 5], "weights": [1, 1, 1]}),
    (ValueError, "weight", {"k": [1, 5], "weights": [1e-300, 1]}),
    (ValueError, "reduction='average'", {"reduction": "average"}),
    (ValueError, "reduction=", {"reduction": ["mean"]}),
    (ValueError, "label_smoothing=1", {"label_smoothing": 1}),
    (ValueError, "label_smoothing=-0.1", {"label_smoothing": -0.1}),
    (ValueError, "label_smoothing=nan", {"label_smoothing": NAN}),
    (TypeError, "label_smoothing='a'", {"label_smoothing": "a"}),
    (TypeError, "ignore_index=1.5", {"ignore_index": 1.5}),
    (ValueError, "ignore_index=", {"ignore_index": 2**70}),
]


@pytest.mark.parametrize("error,name,options", SETTINGS)
def test_settings(error, name, options):
    with pytest.raises(error, match=name):
        smooth_topk_loss(SCORES, LABELS, **options)
    with pytest.raises(error, match=name):
        SmoothTopKLoss(**options)


CALLS = [
    (ValueError, "k=10", SCORES, LABELS, {"k": 10}),
    (ValueError, "k=10", SCORES, LABELS, {"k": [1, 10]}),
    (ValueError, "k=1", torch.randn(4, 1), torch.zeros(4, dtype=torch.int64), {"k": 1}),
    (ValueError, "k=5", torch.randn(4, 0), torch.zeros(4, dtype=torch.int64), {}),
    (TypeError, "scores", [[1.0]], LABELS, {}),
    (TypeError, "scores", None, LABELS, {}),
    (TypeError, "scores", torch.ones(4, 10, dtype=torch.int64), LABELS, {}),
    (TypeError, "scores", torch.ones(4, 10, dtype=torch.complex64), LABELS, {}),
    (TypeError, "scores", SCORES.to_sparse(), LABELS, {}),
    (ValueError, "scores", torch.tensor(1.0), LABELS, {}),
    (TypeError, "target", SCORES, [0, 3, 9, 2], {}),
    (TypeError, "target", SCORES, None, {}),
    (TypeError, "target", SCORES, LABELS > 1, {}),
    (TypeError, "target", SCORES, torch.eye(10)[:4].to_sparse(), {}),
    (ValueError, "target", SCORES, LABELS[:3], {}),
    (ValueError, "target", SCORES, LABELS[:, None], {}),
    (ValueError, "target", SCORES, LABELS.float(), {}),
    (ValueError, "target", SCORES, torch.rand(4, 9), {}),
    (ValueError, "target", SCORES, torch.rand(4, 10, requires_grad=True), {}),
    (ValueError, "target", torch.randn(4, 10, 2, 2), LABELS, {}),
    (ValueError, "target", torch.randn(4, 10, 2, 2), torch.zeros(4, 2, 3, dtype=torch.int64), {}),
    (ValueError, "target", SCORES, torch.zeros(4, dtype=torch.int64, device="meta"), {}),
    (IndexError, "target", SCORES, torch.tensor([0, 3, 10, 2]), {}),
    (IndexError, "target", SCORES, torch.tensor([0, 3, -1, 2]), {}),
    (IndexError, "target", SCORES, torch.tensor([0, 3, 2**40, 2]), {}),
    (IndexError, "target", SCORES, torch.tensor([0, 3, 10, 2]), {"label_smoothing": 0.1}),
    (IndexError, "target", SCORES, torch.tensor([0, 3, 10, 2]), {"class_weights": torch.ones(10)}),
    (IndexError, "target", torch.randn(4, 10, 2), torch.full((4, 2), 10), {}),
    (TypeError, "class_weights", SCORES, LABELS, {"class_weights": [1.0] * 10}),
    (ValueError, "class_weights", SCORES, LABELS, {"class_weights": torch.ones(9)}),
    (ValueError, "class_weights", SCORES, LABELS, {"class_weights": torch.ones(10, 1)}),
    (ValueError, "class_weights", SCORES, LABELS, {"class_weights": numbers(-1.0)}),
    (ValueError, "class_weights", SCORES, LABELS, {"class_weights": numbers(NAN)}),
    (ValueError, "class_weights", SCORES, LABELS, {"class_weights": numbers(INF)}),
    (ValueError, "class_weights", SCORES, LABELS, {"class_weights": torch.ones(10, device="meta")}),
    (TypeError, "class_weights", SCORES, LABELS, {"class_weights": torch.ones(10, dtype=torch.complex64)}),
    (ValueError, "class_margins", SCORES, LABELS, {"class_margins": torch.ones(9)}),
    (ValueError, "class_margins", SCORES, LABELS, {"class_margins": numbers(-1.0)}),
    (TypeError, "class_margins", SCORES, LABELS, {"class_margins": 2.0}),
]


@pytest.mark.parametrize("error,name,scores,target,options", CALLS)
def test_calls(error, name, scores, target, options):
    with pytest.raises(error, match=name):
        smooth_topk_loss(scores, target, **options)


PROBABILITIES = torch.softmax(torch.randn(200, 10), 1)
OWN = torch.arange(200) % 10
OUTPUTS = [
    (TypeError, "scores", lambda: topk_membership(LABELS)),
    (ValueError, "k=10", lambda: topk_membership(SCORES, 10)),
    (ValueError, "k=0", lambda: topk_membership(SCORES, 0)),
    (ValueError, "k", lambda: topk_membership(SCORES, [1, 5])),
    (ValueError, "tau", lambda: topk_membership(SCORES, 5, 0)),
    (ValueError, "tau", lambda: topk_membership(SCORES, 5, 1e38)),
    (TypeError, "probabilities", lambda: prediction_sets(OWN, PROBABILITIES, OWN)),
    (TypeError, "calibration_probabilities", lambda: prediction_sets(PROBABILITIES, None, OWN)),
    (TypeError, "calibration_labels", lambda: prediction_sets(PROBABILITIES, PROBABILITIES, None)),
    (ValueError, "calibration_labels", lambda: prediction_sets(PROBABILITIES, PROBABILITIES, OWN[:5])),
    (IndexError, "calibration_labels", lambda: prediction_sets(PROBABILITIES, PROBABILITIES, OWN + 1)),
    (ValueError, "10 classes", lambda: prediction_sets(PROBABILITIES[:, :9], PROBABILITIES, OWN)),
    (ValueError, "too few", lambda: prediction_sets(PROBABILITIES, PROBABILITIES[:5], OWN[:5])),
    (ValueError, "too few", lambda: prediction_sets(PROBABILITIES, PROBABILITIES[:0], OWN[:0])),
    (ValueError, "cover", lambda: prediction_sets(PROBABILITIES, PROBABILITIES, OWN, 1)),
    (ValueError, "cover", lambda: prediction_sets(PROBABILITIES, PROBABILITIES, OWN, NAN)),
    (ValueError, "score='x'", lambda: prediction_sets(PROBABILITIES, PROBABILITIES, OWN, score="x")),
    (ValueError, "row 0", lambda: prediction_sets(PROBABILITIES, PROBABILITIES * NAN, OWN)),
    (ValueError, "row 0", lambda: prediction_sets(-PROBABILITIES, PROBABILITIES, OWN, score="aps")),
]


@pytest.mark.parametrize("error,name,call", OUTPUTS)
def test_outputs(error, name, call):
    with pytest.raises(error, match=name):
        call()
