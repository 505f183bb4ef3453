"""Picture files built for the tests, and a PNG decoder that is slow and plainly right."""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnn.images import load_image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def photo(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth colours with some noise, uint8 (H, W, C), or (H, W) for one channel."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows * (0.05 + 0.02 * c) + columns * 0.03 * (c + 1)) for c in range(channels)]
    smooth = 120 + 90 * np.stack(waves, axis=-1) + generator.normal(0, 2, (height, width, channels))
    pixels = np.clip(smooth, 0, 255).astype(np.uint8)
    return pixels[:, :, 0] if channels == 1 else pixels


def saved(image: Image.Image | NDArray[np.uint8], kind: str, **options: object) -> bytes:
    """What Pillow writes."""
    buffer = io.BytesIO()
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int,
    height: int,
    bits: int,
    colour: int,
    rows: bytes,
    *,
    before: bytes = b"",
    interlace: int = 0,
    coded: bytes | None = None,
) -> bytes:
    """A PNG of filtered rows; `before` is chunks ahead of IDAT, `coded` replaces the compressed rows."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    data = zlib.compress(rows) if coded is None else coded
    return PNG_SIGNATURE + chunk(b"IHDR", head) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def filtered_rows(samples: NDArray[np.uint16], bits: int, seed: int = 0) -> bytes:
    """Rows (H, W, C) of samples, packed and each filtered by one of the five methods in turn."""
    height, width, channels = samples.shape
    step = max(1, channels * bits // 8)
    previous = np.zeros(-(-width * channels * bits // 8), dtype=np.int64)
    out = bytearray()
    for y in range(height):
        line = _packed(samples[y].reshape(-1), bits).astype(np.int64)
        left = np.concatenate([np.zeros(step, dtype=np.int64), line[:-step]])[: len(line)]
        upper_left = np.concatenate([np.zeros(step, dtype=np.int64), previous[:-step]])[: len(line)]
        method = (y + seed) % 5
        guess = _prediction(method, left, previous, upper_left)
        out.append(method)
        out += ((line - guess) % 256).astype(np.uint8).tobytes()
        previous = line
    return bytes(out)


def _packed(values: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    if bits == 16:
        return np.frombuffer(values.astype(">u2").tobytes(), dtype=np.uint8)
    if bits == 8:
        return values.astype(np.uint8)
    digits = ((values[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
    return np.packbits(digits.reshape(-1))


def _prediction(
    method: int, left: NDArray[np.int64], up: NDArray[np.int64], upper_left: NDArray[np.int64]
) -> NDArray[np.int64]:
    if method == 0:
        return np.zeros_like(left)
    if method == 1:
        return left
    if method == 2:
        return up
    if method == 3:
        return (left + up) // 2
    estimate = left + up - upper_left
    near_left, near_up = np.abs(estimate - left), np.abs(estimate - up)
    near_both = np.abs(estimate - upper_left)
    upper = np.where(near_up <= near_both, up, upper_left)
    return np.where((near_left <= near_up) & (near_left <= near_both), left, upper)


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def exif(orientation: int, order: str = "<") -> bytes:
    """The smallest EXIF block that carries an orientation."""
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(order + "IH", 8, 1) + entry + struct.pack(order + "I", 0)


def tiff(entries: list[tuple[int, int, int, bytes]], payload: bytes = b"", order: str = "<") -> bytes:
    """A TIFF of one directory; entries are (tag, type, count, four bytes), the payload begins at byte 8."""
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    start = 8 + len(payload) + len(payload) % 2
    body = b"".join(
        struct.pack(order + "HHI", tag, kind, count) + value for tag, kind, count, value in entries
    )
    directory = struct.pack(order + "H", len(entries)) + body + bytes(4)
    return mark + struct.pack(order + "I", start) + payload.ljust(start - 8, b"\x00") + directory


def long(value: int, order: str = "<") -> bytes:
    return struct.pack(order + "I", value)


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


def adam7_rows(samples: NDArray[np.uint16], bits: int) -> bytes:
    """The seven passes of an interlaced PNG, one after the other."""
    passes = (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    )
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in passes]
    return b"".join(filtered_rows(part, bits) for part in parts if part.size)


def shown(
    samples: NDArray[np.uint16], bits: int, alpha: NDArray[np.uint16] | None = None
) -> NDArray[np.uint8]:
    """Samples (H, W, C) as 8 bits over white, by real numbers and one rounding; alpha (H, W, 1)."""
    top = 2**bits - 1
    opacity = 1.0 if alpha is None else alpha / top
    return np.rint(255 * (samples / top * opacity + 1 - opacity)).astype(np.uint8)


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC version 2 monitor profile."""
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content.ljust(-(-len(content) // 4) * 4, b"\x00")
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"\x00" * 4, 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
    return head.ljust(128, b"\x00") + table + body


def xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ \x00\x00\x00\x00" + struct.pack(">iii", *(round(value * 65536) for value in (x, y, z)))


def gamma(value: float) -> bytes:
    return b"curv\x00\x00\x00\x00" + struct.pack(">IH", 1, round(value * 256))


def loaded(data: bytes) -> NDArray[np.uint8]:
    """What `load_image` gives, as (H, W, C)."""
    picture = load_image(data)
    assert picture.is_contiguous()
    assert str(picture.dtype) == "torch.uint8"
    return picture.numpy().transpose(1, 2, 0)


def apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    """The greatest difference of two pictures, which must be of one shape."""
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())
