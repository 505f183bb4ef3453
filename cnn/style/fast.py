"""Feed-forward style transfer: one pass of a trained network, on pictures of any size and on video."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnn.device import half_dtype, parse_device
from cnn.frame_file import FrameParts
from cnn.hooks import evaluating, locked
from cnn.style.colour import colours_kept
from cnn.style.errors import StyleError
from cnn.style.pictures import as_uint8, picture, resized, scaled_size
from cnn.style.tiles import in_tiles
from cnn.video import VideoError, opened_video
from cnn.weights.builtin import BUILTIN, available, load_builtin

__all__ = [
    "StyledFrame",
    "drawn_frame",
    "fast_networks",
    "load_fast",
    "styled_parts",
    "stylize",
    "stylize_frames",
    "stylize_video",
]

MOST_FRAMES = 3000
Models = nn.Module | Sequence[tuple[nn.Module, float]]


@dataclass(frozen=True, slots=True, eq=False)
class StyledFrame:
    """One frame of a video; `frame` from 1, `frames` 0 where the file does not say how many there are.

    `image` uint8 ``(3, H, W)``; `seconds` that the network took; `rate` frames a second of the video.
    """

    frame: int
    frames: int
    image: Tensor
    seconds: float
    rate: float


def fast_networks() -> tuple[str, ...]:
    """Names of the style networks whose weights are there."""
    there = available()
    return tuple(record.name for record in BUILTIN if record.task == "style" and record.name in there)


def load_fast(name: str, device: str = "cpu") -> nn.Module:
    """A style network that ships, channels-last on the device.

    Raises:
        StyleError: no_weights, for a name that is none or whose file is not there.
    """
    if name not in fast_networks():
        raise StyleError("no_weights", network=str(name)[:60])
    where = parse_device(device)
    model = load_builtin(name).to(where)
    return model.to(memory_format=torch.channels_last)


def stylize(models: Models, image: Tensor, *, size: int | None = None, tile: int | None = None) -> Tensor:
    """A picture in the style of one network, or in a blend of several.

    A blend is the weighted mean of the networks' output pictures (not of their parameters, which were
    trained apart), with the shares as parts of their sum.

    Args:
        models: a network ``(N, 3, H, W)`` → ``(N, 3, H, W)`` in 0..1, or (network, share) pairs.
        image: ``(C, H, W)``, C 1 or 3, uint8 or floating point in 0..1.
        size: longer side to compute at, None the picture's own.
        tile: side of the squares that a larger picture is worked in, to bound the memory; None works at
            once. The statistics of the network's instance norms are those of the whole picture made
            smaller, the same for all tiles, so that no seams appear.

    Returns:
        uint8 ``(3, H', W')``, the longer side `size`.

    Raises:
        StyleError: not_a_picture, not_finite, too_small (16 px a side), setting.
    """
    x = picture(image)
    height, width = scaled_size(x.shape[-2], x.shape[-1], size)
    if min(height, width) < 16:
        raise StyleError("too_small", width=width, height=height, minimum=16)
    x = resized(x, (height, width))
    mixed: Tensor | None = None
    for model, share in _shares(models):
        part = share * _output(model, x, tile)
        mixed = part if mixed is None else mixed + part
    assert mixed is not None
    return as_uint8(mixed)


def stylize_frames(
    models: Models, frames: Iterable[Tensor], *, size: int | None = None, steadiness: float = 0.0
) -> Iterator[Tensor]:
    """Frames one by one, uint8 ``(3, H, W)``.

    Args:
        steadiness: share of the frame before in each frame, 0 to 0.9, against flicker. A frame of another
            size begins afresh.

    Raises:
        StyleError: as `stylize`.
    """
    _check_steadiness(steadiness)
    before: Tensor | None = None
    for frame in frames:
        now = stylize(models, frame, size=size).float()
        if before is not None and before.shape == now.shape:
            now = steadiness * before + (1 - steadiness) * now
        before = now
        yield now.round().byte()


def stylize_video(
    *,
    path: str | bytes,
    networks: Mapping[str, float],
    size: int | None = 480,
    steadiness: float = 0.3,
    keep_colours: bool = False,
    max_frames: int = 600,
    device: str = "cpu",
) -> Generator[StyledFrame, Mapping[str, Any] | None, None]:
    """A video file frame by frame, for `cnn.jobs` too; sending {"networks": …, "steadiness": …} changes them on the way.

    Args:
        path: a file, or its bytes, as `cnn.video.opened_video` takes it.
        networks: names of `fast_networks` with their shares.
        keep_colours: paint the luminance only, as `cnn.style.colour.colours_kept`.
        max_frames: the rest is left out; at most 3,000.

    Raises (at the first frame):
        StyleError: not_a_video, no_weights, setting.
    """
    if not 1 <= max_frames <= MOST_FRAMES:
        raise StyleError("setting", name="max_frames", wanted=f"1 to {MOST_FRAMES}", got=str(max_frames)[:60])
    _check_steadiness(steadiness)
    loaded: dict[str, nn.Module] = {}
    models = _blend(networks, loaded, device)
    before: Tensor | None = None
    try:
        with opened_video(path) as video:
            frames = min(video.facts.frames, max_frames)
            longest = max(video.facts.width, video.facts.height) if size is None else max(size, 16)
            pictures = video.pictures(max_side=longest, max_frames=max_frames)
            for number, (_, frame) in enumerate(pictures, start=1):
                began = time.perf_counter()
                made = stylize(models, frame, size=size)
                if keep_colours:
                    made = colours_kept(
                        made, as_uint8(resized(picture(frame), (made.shape[1], made.shape[2])))
                    )
                now = made.float()
                if before is not None and before.shape == now.shape:
                    now = steadiness * before + (1 - steadiness) * now
                before = now
                spent = time.perf_counter() - began
                styled = StyledFrame(number, frames, now.round().byte(), spent, video.facts.fps)
                message = yield styled
                if message and "networks" in message:
                    models = _blend(message["networks"], loaded, device)
                if message and "steadiness" in message:
                    steadiness = message["steadiness"]
                    _check_steadiness(steadiness)
    except VideoError as error:
        raise StyleError("not_a_video") from error


def styled_parts(record: StyledFrame) -> FrameParts:
    """A frame as `cnn.frame_file` keeps it: the styled picture, and nothing to draw into it."""
    return FrameParts(record.image, b"", record.frame - 1, (record.frame - 1) / record.rate)


def drawn_frame(picture: Tensor, result: bytes, parameters: Mapping[str, Any]) -> Tensor:
    """The picture of a video's frame for an MP4: it is styled already, so nothing is drawn into it."""
    return picture


def _check_steadiness(steadiness: float) -> None:
    if not 0 <= steadiness <= 0.9:
        raise StyleError("setting", name="steadiness", wanted="0 to 0.9", got=str(steadiness)[:60])


def _blend(
    networks: Mapping[str, float], loaded: dict[str, nn.Module], device: str
) -> list[tuple[nn.Module, float]]:
    for name in networks:
        if name not in loaded:
            loaded[name] = load_fast(name, device)
    return [(loaded[name], share) for name, share in networks.items()]


def _shares(models: Models) -> list[tuple[nn.Module, float]]:
    """The networks with shares that add up to 1, those without a share left out."""
    pairs = [(models, 1.0)] if isinstance(models, nn.Module) else list(models)
    total = sum(share for _, share in pairs)
    if not all(0 <= share < float("inf") for _, share in pairs) or not total > 0:
        shares = str([share for _, share in pairs])[:60]
        raise StyleError("setting", name="shares", wanted="numbers of at least 0, not all 0", got=shares)
    return [(model, share / total) for model, share in pairs if share > 0]


@torch.inference_mode()
def _output(model: nn.Module, x: Tensor, tile: int | None) -> Tensor:
    device = next(model.parameters()).device
    x = x.to(device).contiguous(memory_format=torch.channels_last)
    half = half_dtype(device)
    with locked(model), evaluating(model), torch.autocast(device.type, half, enabled=half is not None):
        if tile is not None and max(x.shape[-2:]) > tile:
            return in_tiles(model, x, tile).float()
        output: Tensor = model(x)
        return output.float()
