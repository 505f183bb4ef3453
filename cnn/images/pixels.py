"""From whatever a decoder gives to upright 8-bit gray or RGB, in strips, so that memory stays small."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnn.images.colour import lab_to_srgb, to_srgb

__all__ = ["Decoded", "Pixels", "Samples", "from_array", "from_pillow", "strips"]

Pixels = NDArray[np.uint8]
Samples = NDArray[Any]  # uint8 or uint16
Box = tuple[int, int, int, int]  # x1, y1, x2, y2
_FLIPS = {
    2: 1,
    3: -1,
    4: 0,
    6: 1,
    7: -1,
    8: 0,
}  # after transposing; OpenCV's codes: 1 left-right, 0 up-down, -1 both
_STRIP_PIXELS = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded picture as stored, read by boxes: `read(box)` gives contiguous uint8 planes (channels, h, w)."""

    width: int
    height: int
    channels: int
    orientation: int
    read: Callable[[Box], Pixels]

    @property
    def upright_shape(self) -> tuple[int, int, int]:
        """(C, H, W) after turning."""
        turned = self.orientation >= 5
        size = (self.width, self.height) if turned else (self.height, self.width)
        return (self.channels, *size)


def strips(decoded: Decoded) -> Iterator[Pixels]:
    """The upright picture from top to bottom, in contiguous pieces (C, h, W)."""
    _, height, width = decoded.upright_shape
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        yield _turned(decoded.read(_stored_box(decoded, top, bottom)), decoded.orientation)


def _stored_box(decoded: Decoded, top: int, bottom: int) -> Box:
    """Where the upright rows `top` to `bottom` lie in the stored picture."""
    width, height = decoded.width, decoded.height
    match decoded.orientation:
        case 3 | 4:
            return 0, height - bottom, width, height - top
        case 5 | 6:
            return top, 0, bottom, height
        case 7 | 8:
            return width - bottom, 0, width - top, height
        case _:
            return 0, top, width, bottom


def _turned(planes: Pixels, orientation: int) -> Pixels:
    """Stored planes (C, h, w) as upright ones (C, h', w')."""
    if orientation == 1:
        return planes
    turned = [plane if orientation < 5 else cv2.transpose(plane) for plane in planes]
    if orientation in _FLIPS:
        turned = [cv2.flip(plane, _FLIPS[orientation]) for plane in turned]
    return np.stack(turned).astype(np.uint8, copy=False)


def _planes(pixels: Samples) -> Samples:
    """(h, w) or (h, w, C) as contiguous (C, h, w)."""
    return np.ascontiguousarray(np.moveaxis(np.atleast_3d(pixels), 2, 0))


def _recoloured(planes: Pixels, colour: Callable[[Pixels], Pixels] | None) -> Pixels:
    return planes if colour is None else _planes(colour(np.moveaxis(planes, 0, 2)))


def from_array(
    array: Samples,
    *,
    gray: bool,
    orientation: int,
    icc: bytes | None,
    transparent: tuple[int, ...] | None = None,
    inverted: bool = False,
) -> Decoded:
    """An OpenCV picture (H, W), (H, W, 3) BGR or (H, W, 4) BGRA.

    `transparent` gray or RGB becomes white; `inverted` says that its zero is white.
    """
    colour = to_srgb(icc, "GRAY" if gray else "RGB")
    height, width = array.shape[:2]

    def read(box: Box) -> Pixels:
        part = np.atleast_3d(array[box[1] : box[3], box[0] : box[2]])
        samples = _planes(part[:, :, :1] if gray else part[:, :, 2::-1])
        shown = _recoloured(255 - _eight_bit(samples) if inverted else _eight_bit(samples), colour)
        if part.shape[2] == 4:
            return _over_white(shown, np.ascontiguousarray(part[:, :, 3]))
        if transparent is not None:
            clear = np.all(
                [plane == value for plane, value in zip(samples, transparent, strict=True)], axis=0
            )
            return np.where(clear, np.uint8(255), shown)
        return shown

    return Decoded(width, height, 1 if gray else 3, orientation, read)


def _eight_bit(samples: Samples) -> Pixels:
    """16 bits to the nearest of 8, that is divided by 257; by a multiplication that is exact for every value."""
    if samples.dtype == np.uint8:
        return np.asarray(samples, dtype=np.uint8)
    wide = samples.astype(np.uint32)
    wide *= 255
    wide += 32895
    wide >>= 16
    return wide.astype(np.uint8)


def _over_white(planes: Pixels, alpha: Samples) -> Pixels:
    """alpha x colour + (1 - alpha) x white, rounded to nearest: planes (C, h, w), alpha (h, w) of 8 or 16 bits."""
    top = int(np.iinfo(alpha.dtype).max)
    if alpha.min() == top:
        return planes
    wide: type[Any] = np.uint16 if top == 255 else np.uint32
    opacity = alpha.astype(wide)
    white = wide(255) * (wide(top) - opacity) + wide(top // 2)
    mixed = planes * opacity
    mixed += white
    mixed //= wide(top)
    return mixed.astype(np.uint8)


def from_pillow(image: Image.Image, *, orientation: int, icc: bytes | None) -> Decoded:
    """A loaded Pillow picture of any mode."""
    mode = image.mode
    gray = mode in ("1", "L", "LA", "La", "I", "F") or mode.startswith("I;16")
    colour = to_srgb(icc, "GRAY" if gray else "CMYK" if mode == "CMYK" else "RGB")
    if mode == "LAB":
        colour = lab_to_srgb()
    scale = _sample_scale(image) if mode in ("I", "F") or mode.startswith("I;16") else None
    see_through = mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info

    def read(box: Box) -> Pixels:
        part = image.crop(box)
        if scale is not None:
            return scale(part)
        if mode in ("CMYK", "LAB") and colour is not None:
            return _planes(colour(np.asarray(part)))
        if not see_through:
            return _recoloured(_planes(np.asarray(part.convert("L" if gray else "RGB"))), colour)
        part = part.convert({"La": "LA", "RGBa": "RGBA"}.get(mode, "LA" if gray else "RGBA"))
        planes = _planes(np.asarray(part))
        return _over_white(_recoloured(planes[:-1], colour), planes[-1])

    return Decoded(image.width, image.height, 1 if gray else 3, orientation, read)


def _sample_scale(image: Image.Image) -> Callable[[Image.Image], Pixels]:
    """How gray samples wider than 8 bits become 8: 16-bit by 257, the rest by the range that is used.

    0..1 (floating point), 0..255 and 0..65535 keep their meaning; any other range is stretched from its least
    to its greatest value. What is no number counts as the least of that range.
    """
    if image.mode.startswith("I;16"):
        return lambda part: _eight_bit(_planes(np.asarray(part).astype(np.uint16)))
    low, high = _extremes(image)
    if low >= 0 and high <= 1 and image.mode == "F":
        low, span = 0.0, 1.0
    elif low >= 0 and high <= 65535:
        low, span = 0.0, 255.0 if high <= 255 else 65535.0
    else:
        span = max(high - low, 1e-30)

    def scaled(part: Image.Image) -> Pixels:
        values = np.nan_to_num(np.asarray(part, dtype=np.float64), nan=low, posinf=high, neginf=low)
        return np.rint((values - low) * (255.0 / span)).astype(np.uint8)[None]

    return scaled


def _extremes(image: Image.Image) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        values = np.asarray(image.crop((0, top, image.width, min(image.height, top + rows))))
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if high >= low else (0.0, 0.0)
