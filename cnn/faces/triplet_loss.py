"""Learning the distance from triplets: an anchor, a positive of the same person, a negative of another."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn.device import parse_device
from cnn.faces.verification import distance
from cnn.models.siamese import SiameseNet

__all__ = [
    "MININGS",
    "TripletStep",
    "Triplets",
    "mined_triplets",
    "triplet_kinds",
    "triplet_loss",
    "triplet_training",
]

MININGS = ("all", "easy", "semi-hard", "hard")
KINDS = ("easy", "semi-hard", "hard")


@dataclass(frozen=True, slots=True, eq=False)
class Triplets:
    """T triplets as indices into a batch, int64 ``(T,)`` each, and the kind of each as an index into `KINDS`."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor
    kinds: Tensor

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {name: int((self.kinds == number).sum()) for number, name in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, eq=False)
class TripletStep:
    """One step of training.

    Attributes:
        loss: mean over the triplets used, 0 where there were none.
        counts: all valid triplets of the batch by kind; `used` of them after mining.
        positive, negative: mean distance of one person's and of two people's pictures in the batch.
        vectors: embeddings ``(N, D)`` of all pictures, on the CPU, every `every` steps, else None.
    """

    step: int
    steps: int
    loss: float
    counts: Mapping[str, int]
    used: int
    positive: float
    negative: float
    vectors: Tensor | None


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 0.2) -> Tensor:
    """L = max(0, d(A, P) − d(A, N) + α) of each triplet, d the squared distance.

    Shapes: ``(..., D)`` each → ``(...)``. Source: Schroff et al. 2015, "FaceNet", equation 2.
    """
    return F.relu(distance(anchor, positive) - distance(anchor, negative) + margin)


def triplet_kinds(positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Indices into `KINDS` from d(A, P) and d(A, N).

    Easy: d(A, N) ≥ d(A, P) + α, no loss. Semi-hard: d(A, P) < d(A, N) < d(A, P) + α. Hard: d(A, N) ≤ d(A, P).
    """
    return torch.where(negative >= positive + margin, 0, torch.where(negative > positive, 1, 2))


def mined_triplets(
    vectors: Tensor, labels: Tensor, *, margin: float = 0.2, mining: str = "all", most: int = 100_000
) -> Triplets:
    """All triplets of a batch, or those of one kind.

    Args:
        vectors: ``(N, D)``; labels: int64 ``(N,)``.
        mining: "all", "easy", "semi-hard" or "hard".
        most: triplets at most; more are thinned out evenly.

    Raises:
        ValueError: another mining, or labels of another number.
    """
    if mining not in MININGS:
        raise ValueError(f"wanted mining to be one of {', '.join(MININGS)}, got {mining!r}")
    if len(vectors) != len(labels):
        raise ValueError(f"wanted a label for each of {len(vectors)} embeddings, got {len(labels)}")
    with torch.no_grad():
        distances = distance(vectors[:, None], vectors[None])
    same = labels[:, None] == labels[None]
    others = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    valid = others[:, :, None] & ~same[:, None, :]
    anchor, positive, negative = valid.nonzero(as_tuple=True)
    kinds = triplet_kinds(distances[anchor, positive], distances[anchor, negative], margin)
    kept = torch.arange(len(kinds), device=labels.device)
    if mining != "all":
        kept = (kinds == KINDS.index(mining)).nonzero().flatten()
    if len(kept) > most:
        kept = kept[torch.linspace(0, len(kept) - 1, most, device=kept.device).round().long()]
    return Triplets(anchor[kept], positive[kept], negative[kept], kinds[kept])


def triplet_training(
    images: Tensor,
    labels: Tensor,
    *,
    steps: int = 200,
    margin: float = 0.2,
    mining: str = "semi-hard",
    dimension: int = 3,
    people: int = 8,
    each: int = 4,
    learning_rate: float = 1e-3,
    every: int = 10,
    seed: int = 0,
    device: str = "cpu",
) -> Generator[TripletStep, Mapping[str, Any] | None, None]:
    """Train a small Siamese network from nothing and watch the distances part; for `cnn.jobs` too.

    What is sent, {"margin": …}, {"mining": …} or {"learning_rate": …}, holds from the next step on. Where a
    batch has no triplet of the wanted kind, all of its triplets are used.

    Args:
        images: uint8 or floating point in 0..1 ``(N, C, H, W)``, sides of at least 16. labels: int64
            ``(N,)``.
        dimension: of the embedding; 2 and 3 can be drawn as they are.
        people, each: a batch has `each` pictures of `people` people.

    Raises (at the first step):
        ValueError: fewer than two people with two pictures, or a number out of range.
    """
    x = (images.float() / 255 if images.dtype == torch.uint8 else images.float()).to(parse_device(device))
    members = [own for label in torch.unique(labels) if len(own := (labels == label).nonzero().flatten()) > 1]
    if len(members) < 2 or min(steps, dimension, people - 1, each - 1, every) < 1:
        raise ValueError(
            f"wanted two people with two pictures each and positive numbers, got {len(members)} people, "
            f"steps {steps}, dimension {dimension}, people {people}, each {each}, every {every}"
        )
    generator = torch.Generator().manual_seed(seed)
    model = _network(x.shape[1], dimension, seed).to(x.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    x = (x - x.mean()) / x.std().clamp(min=1e-3)
    for step in range(1, steps + 1):
        chosen = torch.randperm(len(members), generator=generator)[:people].tolist()
        parts = [members[c][torch.randperm(len(members[c]), generator=generator)[:each]] for c in chosen]
        batch = torch.cat(parts)
        model.train()
        vectors, own = model(x[batch.to(x.device)]), labels[batch].to(x.device)
        record = _learn(optimiser, vectors, own, margin, mining)
        shown = None
        if step % every == 0 or step in (1, steps):
            model.eval()
            with torch.inference_mode():
                shown = torch.cat([model(part) for part in torch.split(x, 256)]).cpu()
        message = yield TripletStep(step, steps, *record, shown)
        if message:
            margin, mining = float(message.get("margin", margin)), message.get("mining", mining)
            for group in optimiser.param_groups:
                group["lr"] = float(message.get("learning_rate", group["lr"]))


def _network(channels: int, dimension: int, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SiameseNet(in_channels=channels, dimension=dimension, widths=(16, 32, 64), grid=2)
    model.dropout = nn.Dropout(0)  # its random numbers would be the whole process's
    return model


def _learn(
    optimiser: torch.optim.Optimizer, vectors: Tensor, labels: Tensor, margin: float, mining: str
) -> tuple[float, dict[str, int], int, float, float]:
    every = mined_triplets(vectors, labels, margin=margin)
    used = mined_triplets(vectors, labels, margin=margin, mining=mining)
    used = used if len(used.anchor) else every
    losses = triplet_loss(vectors[used.anchor], vectors[used.positive], vectors[used.negative], margin)
    loss = losses.mean()
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    with torch.no_grad():
        positive = distance(vectors[every.anchor], vectors[every.positive]).mean()
        negative = distance(vectors[every.anchor], vectors[every.negative]).mean()
    return float(loss.detach()), every.counts(), len(used.anchor), float(positive), float(negative)
