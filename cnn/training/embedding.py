"""Embeddings by triplet loss: faces of people and handwritten characters never seen in training."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.functional.classification import binary_auroc, multiclass_accuracy

from cnn.training.augment import colour_jitter, random_affine
from cnn.training.packs import DataMissing, decode, picture_tensor, read_arrays, read_files
from cnn.weights.builtin import Builtin, normalised

Identities = tuple[Tensor, Tensor]  # uint8 (N, 1, H, W), int64 (N,)


@dataclass(frozen=True, slots=True)
class Embedding:
    """Triplet loss with hard mining on batches of `identities` × `each` pictures.

    With `quarter_turns` every identity turned by 90, 180 and 270 degrees is an identity of its own. `ways`
    chooses the score: 0 for verification (ROC AUC of all pairs), K for K-way one-shot accuracy.
    """

    record: Builtin
    folder: str
    identities: int
    each: int
    affine: tuple[float, float, float, float]  # degrees, shift, zoom, shear
    steps_per_epoch: int
    margin: float = 0.3
    flip: bool = False
    jitter: float = 0.0
    arrays: bool = False  # the pack is one of arrays, not of pictures
    quarter_turns: bool = False
    ways: int = 0

    def load(self, data: Path, split: str) -> Identities:
        if self.arrays:
            x, y = read_arrays(data, self.folder, split)
            return self._sized(torch.from_numpy(x)[:, None]), torch.from_numpy(y)
        files = {n: s for n, s in read_files(data, self.folder, split).items() if n.endswith(".png")}
        if not files:
            raise DataMissing(
                f"wanted <person>/<picture>.png in the split {split!r} of {self.folder}, got none"
            )
        people = sorted({name.split("/")[-2] for name in files})
        labels = torch.tensor([people.index(name.split("/")[-2]) for name in files])
        return self._sized(
            torch.stack([picture_tensor(decode(source, "L")) for source in files.values()])
        ), labels

    def _sized(self, images: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(images.float(), self.record.input_size).round().byte()

    def steps(self, data: Identities, batch_size: int) -> int:
        return self.steps_per_epoch

    def batches(
        self, data: Identities, batch_size: int, progress: float, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor, float]]:
        images, labels = data
        members = [(labels == label).nonzero().flatten() for label in torch.unique(labels)]
        turns = 4 if self.quarter_turns else 1
        for _ in range(self.steps_per_epoch):
            chosen = torch.randperm(len(members) * turns, generator=generator)[: self.identities].tolist()
            parts = []
            for identity in chosen:
                own = members[identity // turns]
                picked = own[torch.randperm(len(own), generator=generator)[: self.each]]
                parts.append(images[picked].rot90(identity % turns, (2, 3)))
            x = self._augmented(torch.cat(parts).float() / 255, generator)
            identity = torch.arange(len(chosen)).repeat_interleave(
                torch.tensor([len(part) for part in parts])
            )
            yield normalised(x, self.record), identity, progress

    def _augmented(self, x: Tensor, generator: torch.Generator) -> Tensor:
        degrees, shift, zoom, shear = self.affine
        x = random_affine(x, degrees=degrees, shift=shift, zoom=zoom, shear=shear, generator=generator)
        if self.flip:
            x = torch.where(torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5, x.flip(-1), x)
        return colour_jitter(x, self.jitter, generator=generator) if self.jitter else x

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor, float], device: torch.device) -> Tensor:
        vectors = model(batch[0].to(device, memory_format=torch.channels_last)).float()
        return triplet_loss(vectors, batch[1].to(device), margin=self.margin, hardness=batch[2])

    @torch.inference_mode()
    def scores(self, model: nn.Module, data: Identities, device: torch.device) -> dict[str, float]:
        images, labels = data
        parts = [
            model(normalised(x.float() / 255, self.record).to(device)).float().cpu()
            for x in torch.split(images, 100)
        ]
        vectors = torch.cat(parts)
        auc, threshold, accuracy = verification(vectors, labels)
        scores = {"ROC AUC": auc, "threshold": threshold, "accuracy at threshold": accuracy}
        if not self.ways:
            return scores
        return {f"{self.ways}-way one-shot accuracy": one_shot(vectors, labels, self.ways)} | scores


def triplet_loss(vectors: Tensor, labels: Tensor, *, margin: float, hardness: float) -> Tensor:
    """mean max(0, d(A, P) − d(A, N) + α) over anchors, with squared distances d.

    P is the farthest picture of the same identity. N is, early in the training (`hardness` < 0.3), the
    nearest of the others that is still farther than P (semi-hard); later the nearest of all. Where an
    identity has one picture, its anchor is left out.

    Shapes: unit vectors ``(N, D)``, labels ``(N,)``.
    Source: Schroff et al. 2015, "FaceNet"; Hermans et al. 2017 for the batch's hardest.
    """
    distance = (2 - 2 * vectors @ vectors.T).clamp(min=0)
    same = labels[:, None] == labels[None]
    others = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    farthest = distance.masked_fill(~others, -1).amax(1)
    negatives = distance.masked_fill(same, torch.inf)
    nearest = negatives.amin(1)
    if hardness < 0.3:
        semi_hard = negatives.masked_fill(negatives <= farthest[:, None], torch.inf).amin(1)
        nearest = torch.where(semi_hard.isfinite(), semi_hard, nearest)
    usable = (farthest >= 0) & nearest.isfinite()
    return F.relu(farthest - nearest + margin)[usable].mean()


def verification(vectors: Tensor, labels: Tensor) -> tuple[float, float, float]:
    """Over all pairs: ROC AUC of same against different, the squared distance that divides them best, and
    how well.

    "How well" is the mean of the shares of same and of different pairs that fall on their side.
    """
    first, second = torch.triu_indices(len(labels), len(labels), 1)
    distance = (vectors[first] - vectors[second]).pow(2).sum(1)
    same = labels[first] == labels[second]
    auc = float(binary_auroc(-distance, same.long()))
    candidates = torch.linspace(0, 4, 401)
    accepted = torch.stack([(distance[same] <= c).float().mean() for c in candidates])
    rejected = torch.stack([(distance[~same] > c).float().mean() for c in candidates])
    balanced = (accepted + rejected) / 2
    best = int(balanced.argmax())
    return auc, float(candidates[best]), float(balanced[best])


def one_shot(vectors: Tensor, labels: Tensor, ways: int, *, trials: int = 4000, seed: int = 0) -> float:
    """Accuracy of naming one picture by the nearest of one picture each of `ways` identities, over seeded
    trials.
    """
    generator = torch.Generator().manual_seed(seed)
    members = [(labels == label).nonzero().flatten() for label in torch.unique(labels)]
    ways = min(ways, len(members))
    guesses = []
    for _ in range(trials):
        chosen = torch.randperm(len(members), generator=generator)[:ways].tolist()
        shown, asked = [], 0
        for position, identity in enumerate(chosen):
            pair = members[identity][torch.randperm(len(members[identity]), generator=generator)[:2]]
            shown.append(int(pair[0]))
            if position == 0:
                asked = int(pair[-1])
        distance = (vectors[shown] - vectors[asked]).pow(2).sum(1)
        guesses.append(int(distance.argmin()))
    truth = torch.zeros(trials, dtype=torch.long)
    return float(multiclass_accuracy(torch.tensor(guesses), truth, num_classes=ways, average="micro"))
