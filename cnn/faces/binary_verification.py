"""Verification as a yes-or-no question: a logistic regression over |f1 − f2|, element by element."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["BinaryVerifier", "fitted_verifier"]


@dataclass(frozen=True, slots=True, eq=False)
class BinaryVerifier:
    """ŷ = sigmoid(Σ w_k·|f1_k − f2_k| + b): the probability of the same person.

    `weight` float32 ``(D,)``, `bias`; `losses` the cross-entropy at every step of the fit.
    """

    weight: Tensor
    bias: float
    losses: tuple[float, ...]

    def probability(self, a: Tensor, b: Tensor) -> Tensor:
        """Of the same person, for embeddings ``(..., D)`` → ``(...)``."""
        return torch.sigmoid(((a - b).abs() * self.weight).sum(-1) + self.bias)

    def terms(self, a: Tensor, b: Tensor) -> Tensor:
        """w_k·|a_k − b_k| ``(..., D)``: what each element of the embedding adds to the sum."""
        return (a - b).abs() * self.weight


def fitted_verifier(vectors: Tensor, labels: Tensor, *, steps: int = 60) -> BinaryVerifier:
    """Fitted by L-BFGS to all pairs of a labelled set, pairs of one person and of two weighing alike.

    Args:
        vectors: ``(N, D)``; labels: int64 ``(N,)``.

    Raises:
        ValueError: no pair of one person, or none of two.
    Source: Taigman et al. 2014, "DeepFace", section 4.
    """
    first, second = torch.triu_indices(len(labels), len(labels), 1)
    same = (labels[first] == labels[second]).float()
    positives = float(same.sum())
    if not 0 < positives < len(same):
        raise ValueError(
            f"wanted pairs of one person and of two, got {positives:.0f} of {len(same)} pairs of one"
        )
    features = (vectors[first] - vectors[second]).abs()
    balance = torch.where(same > 0, 0.5 / positives, 0.5 / (len(same) - positives)) * len(same)
    parameters = torch.zeros(vectors.shape[1] + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([parameters], max_iter=steps, line_search_fn="strong_wolfe")
    losses: list[float] = []

    def closure() -> float:
        optimiser.zero_grad()
        logits = features @ parameters[:-1] + parameters[-1]
        decay = 1e-4 * parameters[:-1].pow(2).sum()  # separable pairs would send the weights to infinity
        loss = F.binary_cross_entropy_with_logits(logits, same, weight=balance) + decay
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(float(loss.detach()))
        return losses[-1]

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    fitted = parameters.detach()
    return BinaryVerifier(fitted[:-1].clone(), float(fitted[-1]), tuple(losses))
