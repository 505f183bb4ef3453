"""Fetching published weights as a job: the progress, and at its end the file or why it could not be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cnn.weights.errors import WeightsError
from cnn.weights.pretrained import download, pretrained_record


@dataclass(frozen=True, slots=True)
class FetchStep:
    """Bytes there are and bytes there will be (0 while unknown).

    Attributes:
        complete: the file is there, its sha256 checked.
        en, ko: why it could not be had, in plain words with the folder for a file brought by hand; "" while all is
            well.
    """

    done: int
    total: int
    complete: bool = False
    en: str = ""
    ko: str = ""


def fetch_steps(*, name: str, folder: Path | None = None) -> Iterator[FetchStep]:
    """Fetch the weights "resnet50/IMAGENET1K_V2" from where an interrupted download stopped.

    Args:
        name: of a record in ``PRETRAINED``.
        folder: where to; torchvision's own when None.

    Raises:
        KeyError: no such weights.
    """
    record = pretrained_record(name)
    done = total = 0
    try:
        for progress in download(record, folder):
            done, total = progress.done, progress.total
            yield FetchStep(done, total, progress.path is not None)
    except WeightsError as error:
        yield FetchStep(done, total, False, error.en, error.ko)
