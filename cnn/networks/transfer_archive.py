"""A person's ZIP of folders of pictures, read without trusting a word of it.

Nothing is written to disk and no name is ever a path: the folder right above a picture is its label, that is all.
Every picture goes through `cnn.images.load_image`; what cannot be opened is listed and left out.
"""

from __future__ import annotations

import io
import struct
import time
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.images import load_image
from cnn.images.errors import ImageError
from cnn.networks.transfer_errors import DataSetError, skipped_text
from cnn.networks.transfer_pictures import LabelledPictures, Skipped, held_out, squared

__all__ = ["MAX_ARCHIVE_BYTES", "MAX_CATEGORIES", "MAX_PICTURES", "pictures_from_zip"]

MAX_ARCHIVE_BYTES = 20_000_000
MAX_PICTURES = 600
MAX_CATEGORIES = 20
MAX_ENTRIES = 2000
MAX_DIRECTORY_BYTES = 1_000_000
MAX_MEMBER_BYTES = 20_000_000
MAX_UNPACKED_BYTES = 120_000_000
MAX_LISTED = 50
MAX_SECONDS = 90.0
NAME_LENGTH = 40
_END = b"PK\5\6"
_END_BYTES = 22
_ZIP64_LOCATOR = b"PK\6\7"
_SPLITS = {
    "train": False, "training": False, "val": True, "valid": True, "validation": True, "test": True, "testing": True,
}  # fmt: skip
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True, slots=True)
class _Entry:
    member: zipfile.ZipInfo
    name: str
    label: str
    validating: bool | None


NO_LABEL = "–"


def pictures_from_zip(
    data: bytes, *, load: Callable[[bytes], Tensor] = load_image, seed: int = 0, labelled: bool = True
) -> LabelledPictures:
    """The labelled pictures in a ZIP file: `label/picture.jpg`, or `train/label/…` and `val/label/…`.

    Args:
        data: the file, at most 20 MB.
        load: opens one picture, uint8 (C, H, W).
        seed: of the draw of the held-out pictures, where the file has no split.
        labelled: False takes any pictures, one is enough; what lies in no folder has the label "–".

    Raises:
        DataSetError: it is no ZIP, is too large in any respect, is encrypted, or has fewer than two categories
            of two pictures that open; the sentence says which.
    """
    _check_directory(data)
    skipped: list[Skipped] = []
    loaded: list[tuple[Tensor, str, bool | None]] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = list(_entries(archive, skipped, labelled))
            _check_counts(entries, labelled)
            budget = MAX_UNPACKED_BYTES
            deadline = time.monotonic() + MAX_SECONDS
            for entry in entries:
                if time.monotonic() > deadline:
                    raise DataSetError("too_slow", seconds=round(MAX_SECONDS))
                content = _content(archive, entry.member, budget)
                if content is None:
                    skipped.append(skipped_text(entry.name, "damaged_member"))
                    continue
                budget -= len(content)
                try:
                    loaded.append((squared(load(content)), entry.label, entry.validating))
                except ImageError as error:
                    skipped.append(Skipped(entry.name, error.sentence("en"), error.sentence("ko")))
    except (zipfile.BadZipFile, struct.error, UnicodeError, NotImplementedError):
        raise DataSetError("no_zip") from None
    return _assembled(loaded, skipped, seed, labelled)


def _check_directory(data: bytes) -> None:
    if len(data) > MAX_ARCHIVE_BYTES:
        raise DataSetError(
            "too_large", megabytes=f"{len(data) / 1e6:.1f}", limit=MAX_ARCHIVE_BYTES // 1_000_000
        )
    place = data.rfind(_END, max(0, len(data) - 65_557))
    if not data.startswith(b"PK") or place < 0 or len(data) - place < _END_BYTES:
        raise DataSetError("no_zip")
    count, size = struct.unpack_from("<HI", data, place + 10)
    if data[max(0, place - 20) : place].startswith(_ZIP64_LOCATOR):
        raise DataSetError("no_zip")
    if count > MAX_ENTRIES or size > MAX_DIRECTORY_BYTES:
        raise DataSetError("too_many_files", limit=MAX_ENTRIES)


def _entries(archive: zipfile.ZipFile, skipped: list[Skipped], labelled: bool) -> Iterator[_Entry]:
    """Members that may be pictures, with their labels."""
    members = archive.infolist()
    if len(members) > MAX_ENTRIES:
        raise DataSetError("too_many_files", limit=MAX_ENTRIES)
    if any(member.flag_bits & 0x1 for member in members):
        raise DataSetError("encrypted")
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise DataSetError("bomb", limit=MAX_UNPACKED_BYTES // 1_000_000)
    for member in members:
        parts = [part for part in _text(member).replace("\\", "/").split("/") if part not in ("", ".", "..")]
        if (
            member.is_dir()
            or not parts
            or any(part.startswith(".") or part.lower() in _CLUTTER for part in parts)
        ):
            continue
        name = _shown("/".join(parts[-2:]), 60)
        if len(parts) < 2 or parts[-2].lower() in _SPLITS:
            if labelled:
                skipped.append(skipped_text(name, "no_label"))
            else:
                yield _Entry(member, name, NO_LABEL, None)
            continue
        said = [_SPLITS[part.lower()] for part in parts[:-2] if part.lower() in _SPLITS]
        yield _Entry(member, name, _shown(parts[-2], NAME_LENGTH), said[-1] if said else None)


def _text(member: zipfile.ZipInfo) -> str:
    """The member's name; where its encoding is not declared: UTF-8, else Korean Windows, else as it is."""
    if member.flag_bits & 0x800:
        return member.filename
    raw = member.filename.encode("cp437", "replace")
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def _shown(text: str, limit: int) -> str:
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(c for c in composed if c.isprintable() and unicodedata.category(c) != "Cf").strip()
    return (kept if len(kept) <= limit else kept[: limit - 1] + "…") or "?"


def _check_counts(entries: list[_Entry], labelled: bool) -> None:
    if len(entries) > MAX_PICTURES:
        raise DataSetError("too_many_pictures", count=len(entries), limit=MAX_PICTURES)
    labels = {entry.label for entry in entries}
    if labelled and len(labels) > MAX_CATEGORIES:
        raise DataSetError("too_many_categories", count=len(labels), limit=MAX_CATEGORIES)


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: int) -> bytes | None:
    """The member's bytes, or None where it is damaged, packed in a rare way, or larger than it says."""
    limit = min(member.file_size, MAX_MEMBER_BYTES, budget)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.file_size > limit:
        return None
    try:
        with archive.open(member) as file:
            return file.read(limit + 1)[: limit + 1]
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
        struct.error,
    ):
        return None


def _assembled(
    loaded: list[tuple[Tensor, str, bool | None]], skipped: list[Skipped], seed: int, labelled: bool
) -> LabelledPictures:
    least = 2 if labelled else 1
    counts = Counter(label for _, label, _ in loaded)
    lonely = sorted(label for label, count in counts.items() if count < least)
    skipped += [skipped_text(label, "one_picture") for label in lonely]
    kept = [entry for entry in loaded if counts[entry[1]] >= least]
    categories = tuple(sorted({label for _, label, _ in kept}))
    if len(categories) < least:
        first = skipped[0] if skipped else None
        raise DataSetError("too_few" if labelled else "no_pictures", en_why=f" ({first.name}: {first.en})" if first else "",
                           ko_why=f" ({first.name}: {first.ko})" if first else "")  # fmt: skip
    labels = [categories.index(label) for _, label, _ in kept]
    return LabelledPictures(
        torch.stack([picture for picture, _, _ in kept]),
        torch.tensor(labels),
        held_out(labels, [validating for _, _, validating in kept], seed=seed),
        categories,
        tuple(skipped[:MAX_LISTED]),
    )
