"""Frames of a camera: what a browser's encoder writes is taken, anything else is refused before it is decoded."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from cnn.images.camera_frame import FRAME_BYTES, camera_frame
from cnn.images.errors import ImageError


def jpeg(width: int = 64, height: int = 48, mode: str = "RGB", **options: object) -> bytes:
    across = np.linspace(0, 255, width)[None].repeat(height, 0)
    rows = np.stack([across, across[:, ::-1], np.full_like(across, 90)], 2).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(rows).convert(mode).save(out, "JPEG", quality=92, **options)
    return out.getvalue()


def test_a_frame_is_what_pillow_reads() -> None:
    frame = camera_frame(jpeg())
    assert frame.shape == (3, 48, 64)
    assert frame.dtype == torch.uint8
    theirs = np.asarray(Image.open(io.BytesIO(jpeg()))).astype(int)
    assert np.abs(frame.permute(1, 2, 0).numpy().astype(int) - theirs).max() <= 2
    assert camera_frame(jpeg(mode="L")).shape == (3, 48, 64)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"GIF89a" + bytes(40), "unknown_kind"),
        (jpeg(1300, 20), "side_too_long"),
        (jpeg(progressive=True), "unsupported_variant"),
        (jpeg(mode="CMYK"), "unsupported_variant"),
        (jpeg()[:200], "incomplete"),
        (jpeg()[:-2] + bytes(FRAME_BYTES), "file_too_large"),
    ],
    ids=["empty", "kind", "side", "progressive", "cmyk", "cut", "bytes"],
)
def test_fault_A3_other_frames_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(ImageError) as caught:
        camera_frame(data)
    assert caught.value.code == code
    assert caught.value.sentence("ko")


def test_fault_A1_a_lying_header_is_refused_before_decoding() -> None:
    data = bytearray(jpeg())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(ImageError):
        camera_frame(bytes(data))
