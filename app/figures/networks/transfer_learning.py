"""What the transfer-learning screen shows: the stages' curves, who is mistaken for whom, every held-out picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.cache import ENCODED, BoundedCache
from app.job_status import job_status
from app.pictures import CurrentPicture, as_photo, thumbnail_url
from app.session_models import built
from app.transfer_runs import Runs, StageRun
from app.wire import pack
from cnn.hooks import locked
from cnn.images.encode import data_url, digest, jpeg_bytes, resize_to, to_hwc
from cnn.networks.transfer_learning import TransferSettings, confusion_matrix
from cnn.networks.transfer_model import Backbone, build_backbone, probabilities
from cnn.networks.transfer_pictures import STORED_SIDE, LabelledPictures, squared

TILE = 80
COLUMNS = 12
SAMPLES = 6
_OWN: BoundedCache[torch.nn.Module] = BoundedCache(
    128_000_000, lambda model: sum(p.numel() * p.element_size() for p in model.parameters())
)
_ANSWERS: BoundedCache[tuple[tuple[str, float], ...]] = BoundedCache(2_000_000, lambda rows: 200 * len(rows))


def bench_block(
    words: Mapping[str, Any],
    runs: Runs,
    data: LabelledPictures,
    picture: CurrentPicture,
    session: str,
    *,
    settings: Mapping[str, TransferSettings],
    has: str,
) -> bytes:
    """Return the component's data. `settings` are what each stage would do; `has` is the digest of the sprite that
    the browser has: it is not sent again.
    """
    pictures, labels = data.validation
    arrays = {}
    stages = []
    for stage, run in runs.ordered():
        stages.append(
            {
                "id": stage,
                "can_start": runs.can_start(stage),
                **_stage(run, labels, words["language"], settings[stage].epochs),
            }
        )
        if run is not None and run.last is not None and run.last.probabilities is not None:
            arrays[stage] = run.last.probabilities.numpy()
    sprite, samples = _sprite(runs.data_key, data)
    counts = torch.stack([torch.bincount(data.labels[mask], minlength=len(data.categories))
                          for mask in (~data.held_out, data.held_out)], 1)  # fmt: skip
    header = {
        "words": words,
        "stages": stages,
        "categories": data.categories,
        "counts": counts.tolist(),
        "labels": labels.tolist(),
        "samples": samples,
        "sprite": {"id": digest(sprite), "columns": COLUMNS, "tile": TILE, "held": len(pictures)},
        "current": {
            "thumb": thumbnail_url(picture, 160),
            "alt": picture.alt,
            "rows": _answers(runs, data, picture, session),
        },
    }
    if has != header["sprite"]["id"]:
        header["sprite"]["url"] = data_url(sprite, "image/jpeg")
    return pack(header, arrays)


def _stage(run: StageRun | None, labels: Tensor, language: str, planned: int) -> dict[str, Any]:
    if run is None:
        return {"state": "none", "history": [], "epochs": planned}
    job, last = run.job, run.last
    shown: dict[str, Any] = {
        **job_status(job, language),
        "ready": run.model is not None,
        "epochs": run.settings.epochs,
        "history": [],
    }
    if last is not None:
        keys = ("step", "steps", "share", "batch_loss", "trainable", "parameters", "seconds")
        shown |= {key: getattr(last, key) for key in keys}
        shown["history"] = [
            [h.epoch, h.train_loss, h.train_accuracy, h.loss, h.accuracy] for h in last.history
        ]
        if last.probabilities is not None:
            shown["matrix"] = confusion_matrix(labels, last.probabilities).tolist()
    return shown


def _sprite(key: str, data: LabelledPictures) -> tuple[bytes, list[list[int]]]:
    """Return a JPEG of tiles, the held-out pictures first, then samples of each category; and the samples' places."""
    held, places = torch.nonzero(data.held_out).flatten().tolist(), []
    chosen = list(held)
    for category in range(len(data.categories)):
        own = torch.nonzero(~data.held_out & (data.labels == category)).flatten()[:SAMPLES].tolist()
        places.append(list(range(len(chosen), len(chosen) + len(own))))
        chosen += own

    def make() -> bytes:
        rows = -(-len(chosen) // COLUMNS)
        sheet = np.zeros((rows * TILE, COLUMNS * TILE, 3), np.uint8)
        for place, at in enumerate(chosen):
            top, left = place // COLUMNS * TILE, place % COLUMNS * TILE
            sheet[top : top + TILE, left : left + TILE] = to_hwc(resize_to(data.pictures[at], TILE))
        return jpeg_bytes(sheet, quality=82)

    return ENCODED.get_or_make(("transfer sprite", key), make), places


def _answers(runs: Runs, data: LabelledPictures, picture: CurrentPicture, session: str) -> dict[str, Any]:
    """Return the three likeliest categories of the current picture by stage; "before" is the network's own answer."""
    content = picture.identity
    rows: dict[str, Any] = {}
    if runs.backbone.categories:
        rows["before"] = _ANSWERS.get_or_make(
            (runs.backbone.name, content), lambda: _own_answer(session, runs.backbone, picture)
        )
    for stage, run in runs.ordered():
        if run is None or run.last is None:
            continue
        if run.model is not None:
            key = run.model.key
            rows[stage] = _ANSWERS.get_or_make(
                (key, content), lambda key=key: _session_answer(session, key, runs.backbone, data, picture)
            )
        elif run.last.picture is not None and run.picture == content:
            rows[stage] = top_three(run.last.picture, data.categories)
    return rows


def _own_answer(session: str, backbone: Backbone, picture: CurrentPicture) -> tuple[tuple[str, float], ...]:
    model = built(session, backbone.name) or _OWN.get_or_make(backbone.name, lambda: build_backbone(backbone))
    with locked(model):
        answer = probabilities(model, current_square(picture)[None], backbone)[0]
    return top_three(answer, tuple(name.replace("_", " ") for name in backbone.categories))


def _session_answer(
    session: str, key: str, backbone: Backbone, data: LabelledPictures, picture: CurrentPicture
) -> tuple[tuple[str, float], ...]:
    model = built(session, key)
    if model is None:
        return ()
    with locked(model):
        return top_three(probabilities(model, current_square(picture)[None], backbone)[0], data.categories)


def current_square(picture: CurrentPicture) -> Tensor:
    """Return the middle of the current picture as the pictures of the data set are, uint8 (3, 160, 160)."""
    return squared(as_photo(picture), STORED_SIDE)


def top_three(answer: Tensor, categories: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Return (category, probability) of the three largest, largest first."""
    best = answer.topk(min(3, len(categories)))
    return tuple((categories[i], float(p)) for p, i in zip(best.values, best.indices.tolist(), strict=True))


def history_csv(runs: Runs) -> bytes:
    """Return every stage's scores after every epoch as CSV."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(
        ["stage", "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
    )
    for stage, run in runs.ordered():
        for h in run.last.history if run is not None and run.last is not None else ():
            writer.writerow([stage, h.epoch, h.train_loss, h.train_accuracy, h.loss, h.accuracy])
    return file.getvalue().encode()


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card: the photo among the flowers that a network learns to tell apart."""
    from app.data_sets import FLOWERS, data_set_of

    data = data_set_of(FLOWERS)
    side = 80
    tiles = [data.pictures[int(torch.nonzero(data.labels == k)[n])] for n in (3, 5) for k in range(4)]
    small = [to_hwc(resize_to(tile, side)) for tile in (*tiles[:4], *tiles[4:])]
    own = to_hwc(resize_to(squared(photo), 2 * side))
    sheet = np.zeros((3 * side, 4 * side, 3), np.uint8)
    for place in range(4):
        sheet[:side, place * side : (place + 1) * side] = small[place]
    sheet[side:, side : 3 * side] = own
    for row in range(2):
        for column, tile in ((0, small[4 + row]), (3, small[6 + row])):
            sheet[(row + 1) * side : (row + 2) * side, column * side : (column + 1) * side] = tile
    return sheet
