"""The loss by its definition, in double, one class after the other: slow, and differentiated by autograd."""
import torch


def log_sigmas(z, k):
    """Logarithms of the elementary symmetric polynomials 0 .. k of exp(z)."""
    sigmas = [torch.zeros((), dtype=z.dtype)]
    for value in z:
        chosen = [sigma + value for sigma in sigmas]
        sigmas = sigmas[:1] + [torch.logaddexp(a, b) for a, b in zip(sigmas[1:], chosen)] + chosen[-1:]
        sigmas = sigmas[:k + 1]
    return sigmas


def loss_of_row(scores, label, k, tau=1.0, alpha=1.0):
    scores = scores.double()
    others = torch.cat((scores[:label], scores[label + 1:]))
    if tau == 0:
        return (alpha + (others.topk(k).values[-1] - scores[label]) / k).clamp_min(0)
    sigmas = log_sigmas(others / (k * tau), k)
    return tau * torch.nn.functional.softplus(alpha / tau + sigmas[k] - sigmas[k - 1] - scores[label] / (k * tau))


def losses(scores, labels, k, tau=1.0, alpha=1.0):
    return torch.stack([loss_of_row(row, int(label), k, tau, alpha) for row, label in zip(scores, labels)])


def membership_of_row(scores, k, tau=1.0):
    z = (scores.double() / (k * tau)).detach().requires_grad_()
    sigma = log_sigmas(z, k)[k]
    return torch.autograd.grad(sigma, z)[0]
