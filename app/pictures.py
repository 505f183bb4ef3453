"""The picture that a person works on: a built-in one, an upload or a number matrix, by its key in the address bar."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from app.cache import ENCODED, PICTURES
from app.uploads import STORE
from cnn.images import load_image
from cnn.images.encode import data_url, digest, jpeg_bytes, png_bytes, thumbnail, to_hwc
from cnn.images.gallery import DEFAULT_PICTURE, PICTURE_IDS, picture
from cnn.images.gallery import PICTURES as BUILT_IN
from cnn.images.matrices import MATRICES, matrix, parse_matrix

MATRIX = "matrix"


@dataclass(frozen=True, slots=True, eq=False)
class CurrentPicture:
    """A picture and how it is called. `pixels` is uint8 (C, H, W) for photos, int64 or float64 for matrices."""

    key: str
    pixels: Tensor
    name: str
    alt: str
    kind: str

    @property
    def identity(self) -> str:
        """Return what names the content, for cache keys: the key, which never changes its picture, or a digest."""
        return digest(self.pixels) if self.kind == MATRIX else self.key


class PictureGone(LookupError):
    """No upload is kept under the key: it was too old, or the server is another one."""


def picture_of(key: str, matrix_text: str = "", language: str = "en", owner: str = "") -> CurrentPicture:
    """Return the picture under `key` (empty: the default one).

    Raises:
        PictureGone: `key` is of an upload that is not kept any more.
        ImageError: the upload cannot be shown.
        MatrixError: `matrix_text` is no matrix.
    """
    if key == MATRIX:
        return _matrix(matrix_text, language)
    if key.startswith("u-"):
        data = STORE.read(key)
        if data is None:
            raise PictureGone(key)
        pixels = PICTURES.get_or_make(key, lambda: load_image(data, owner=owner))
        name = {"en": "your picture", "ko": "내 사진"}[language]
        return CurrentPicture(key, pixels, name, name, "photo")
    chosen = key if key in PICTURE_IDS else DEFAULT_PICTURE
    record = next(p for p in BUILT_IN if p.id == chosen)
    pixels = PICTURES.get_or_make(chosen, lambda: picture(chosen))
    name, alt = (record.ko, record.alt_ko) if language == "ko" else (record.en, record.alt_en)
    return CurrentPicture(chosen, pixels, name, alt, "photo")


def _matrix(text: str, language: str) -> CurrentPicture:
    record = next((m for m in MATRICES if m.id == text), None)
    if record is not None:
        return CurrentPicture(
            MATRIX, matrix(text), *(2 * (record.ko if language == "ko" else record.en,)), MATRIX
        )
    values = parse_matrix(text) if text else matrix(MATRICES[0].id)
    name = {"en": "number matrix", "ko": "숫자 행렬"}[language]
    return CurrentPicture(MATRIX, values if values.dim() == 3 else values[None], name, name, MATRIX)


def names_of_pictures(language: str, session: str) -> list[tuple[str, str]]:
    """Return (key, name) of this session's newest uploads and of every built-in picture."""
    own = {"en": "your picture", "ko": "내 사진"}[language]
    uploads = [(key, f"{own} {place}") for place, key in enumerate(STORE.of_session(session)[:8], start=1)]
    return [*uploads, *((record.id, record.ko if language == "ko" else record.en) for record in BUILT_IN)]


def as_photo(current: CurrentPicture) -> Tensor:
    """Return the picture as uint8 (C, H, W); a matrix is spread over 0..255 for screens that need a photo."""
    pixels = current.pixels
    if pixels.dtype == torch.uint8:
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    scaled = (pixels.double() - low) * (255 / (high - low) if high > low else 0)
    return scaled.round().to(torch.uint8)


def thumbnail_url(current: CurrentPicture, max_side: int = 128) -> str:
    """Return a small JPEG (PNG for matrices and gratings' exact pixels) as a data URL."""

    def make() -> bytes:
        small = to_hwc(thumbnail(as_photo(current), max_side))
        if current.kind == MATRIX:
            return png_bytes(small)
        return jpeg_bytes(small, quality=82)

    mime = "image/png" if current.kind == MATRIX else "image/jpeg"
    return data_url(ENCODED.get_or_make(("thumbnail", current.identity, max_side), make), mime)
