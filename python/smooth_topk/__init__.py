"""The smooth top-k loss of Berrada, Zisserman and Kumar (ICLR 2018) for PyTorch.

    from smooth_topk import SmoothTopKLoss
    criterion = SmoothTopKLoss(k=5)      # in place of torch.nn.CrossEntropyLoss()
    criterion(scores, labels).backward()
"""
from .loss import SmoothTopKLoss, smooth_topk_loss
from .outputs import prediction_sets, topk_membership

__version__ = "1.1.0"
__all__ = ["SmoothTopKLoss", "smooth_topk_loss", "topk_membership", "prediction_sets"]
