"""From an embedded ICC profile to sRGB; a broken or odd profile is left unused."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

__all__ = ["lab_to_srgb", "to_srgb"]

Pixels = NDArray[np.uint8]
_MAX_PROFILE = 4_000_000
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def to_srgb(icc: bytes | None, space: str) -> Callable[[Pixels], Pixels] | None:
    """What turns pixels of a profile into sRGB, or None where nothing should be changed.

    Args:
        icc: the profile's bytes.
        space: what the pixels are: "RGB" (h, w, 3) and "CMYK" (h, w, 4) give (h, w, 3), "GRAY" (h, w, 1)
            gives (h, w, 1).
    """
    if not icc or len(icc) > _MAX_PROFILE:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space.strip() != space:
            return None
        srgb = ImageCms.createProfile("sRGB")
        exact = (
            ImageCms.Flags.NOOPTIMIZE if space == "GRAY" else ImageCms.Flags.NONE
        )  # 256 values, so no hurry
        intent = ImageCms.Intent.PERCEPTUAL
        transform = ImageCms.buildTransform(profile, srgb, _MODES[space], "RGB", intent, flags=exact)
        return _checked(transform, space)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None


def lab_to_srgb() -> Callable[[Pixels], Pixels]:
    """What turns CIELAB pixels (h, w, 3), as a TIFF stores them, into sRGB."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    return lambda pixels: _applied(transform, pixels, "LAB")


def _applied(transform: Any, pixels: Pixels, mode: str) -> Pixels:
    image = Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), np.ascontiguousarray(pixels).tobytes())
    return np.asarray(ImageCms.applyTransform(image, transform))


def _checked(transform: Any, space: str) -> Callable[[Pixels], Pixels] | None:
    """The transform as a function; None where it changes nothing or does not tell black from white."""
    if space == "GRAY":
        ramp = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
        table = _applied(transform, ramp[:, :, 0], "L")[0, :, 1].copy()
        if int(table[255]) - int(table[0]) < 128 or np.array_equal(table, ramp.ravel()):
            return None
        return lambda pixels: table[pixels]
    levels = np.array([0, 36, 73, 109, 146, 182, 219, 255], dtype=np.uint8)
    channels = len(_MODES[space])
    lattice = np.stack(np.meshgrid(*[levels] * channels, indexing="ij"), axis=-1).reshape(1, -1, channels)
    seen = _applied(transform, lattice, _MODES[space]).astype(np.int16)
    if abs(int(seen[0, -1].mean()) - int(seen[0, 0].mean())) < 128:
        return None
    if space == "RGB" and int(np.abs(seen - lattice).max()) <= 1:
        return None
    return lambda pixels: _applied(transform, pixels, _MODES[space])
