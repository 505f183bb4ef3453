"""Downloads and PyTorch code of the connections screen, by view."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable

import numpy as np
from torch import Tensor

from app.figures.colours import palette
from app.figures.convolution.connections import OUTPUTS, study_of, working_gray
from app.pictures import CurrentPicture
from cnn.checks import ShapeError
from cnn.convolution.axis_filters import (
    SOUND_FILTERS,
    SOUND_RATE,
    VIDEO_FILTERS,
    bundled_sound,
    bundled_video,
    sound_bank,
    video_bank,
)
from cnn.convolution.connection_settings import ConnectionSettings
from cnn.convolution.connections import convolve_sequence, convolve_volume
from cnn.convolution.filters import filter_weight
from cnn.images.encode import palette_png, png_bytes

Made = list[tuple[str, str, Callable[[], bytes], str]]


def connection_files(picture: CurrentPicture, settings: ConnectionSettings) -> Made:
    """Return (label id, file name, maker, MIME type) of each download."""
    if settings.view == "shift":
        own = (
            "picture",
            "picture.png",
            lambda: png_bytes(working_gray(picture)[0].byte().numpy()),
            "image/png",
        )
        try:
            study_of(picture, settings)
        except ShapeError:
            return [own]
        return [
            own,
            ("study", "translation.npz", lambda: _study_npz(picture, settings), "application/octet-stream"),
        ]
    if settings.view == "sound":
        name = SOUND_FILTERS[settings.sound_filter]
        return [
            ("sound", "sound.wav", lambda: wav_bytes(bundled_sound()[0]), "audio/wav"),
            ("filtered", f"sound_{name}.wav", lambda: wav_bytes(_filtered(settings)), "audio/wav"),
        ]
    if settings.view == "video":
        return [
            (
                "video",
                "video.npz",
                lambda: _npz(frames=bundled_video()[0].numpy()),
                "application/octet-stream",
            ),
            (
                "frame",
                f"frame_{VIDEO_FILTERS[settings.video_filter]}.png",
                lambda: _frame_png(settings),
                "image/png",
            ),
        ]
    return []


def wav_bytes(samples: Tensor) -> bytes:
    """Return (L,) in −1..1 as a WAV of 16 bits; what is louder is cut."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SOUND_RATE)
        sound.writeframes((samples * 32768).round().clamp(-32768, 32767).numpy().astype("<i2").tobytes())
    return file.getvalue()


def _filtered(settings: ConnectionSettings) -> Tensor:
    bank = sound_bank(settings.taps)
    return convolve_sequence(bundled_sound(), bank, padding=settings.taps // 2)[settings.sound_filter]


def _npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _study_npz(picture: CurrentPicture, settings: ConnectionSettings) -> bytes:
    study = study_of(picture, settings)
    pairs = {name: getattr(study, name) for name in ("images", "maps", "pooled", "dense")}
    return _npz(**{f"{name}_{when}": pair[place].numpy() for name, pair in pairs.items()
                   for place, when in enumerate(("before", "after"))})  # fmt: skip


def _frame_png(settings: ConnectionSettings) -> bytes:
    video = bundled_video()
    at = min(max(settings.frame, 1), video.shape[1] - 2)
    found = convolve_volume(video[:, at - 1 : at + 2], video_bank())[settings.video_filter, 0]
    if VIDEO_FILTERS[settings.video_filter] == "trail":
        return png_bytes(found.round().clamp(0, 255).byte().numpy())
    limit = float(found.abs().max().clamp(min=1e-6))
    return palette_png(
        (found * (127 / limit)).round().add(128).clamp(1, 255).byte().numpy(), palette("signed")
    )


def pytorch_code(settings: ConnectionSettings) -> str:
    """Return code that gives the view's numbers in a fresh interpreter."""
    return {"weights": _weights_code, "shift": _shift_code, "stacks": _stacks_code, "sound": _sound_code,
            "video": _video_code}[settings.view](settings)  # fmt: skip


def _weights_code(s: ConnectionSettings) -> str:
    return f"""from torch import nn

height, width, channels, hidden, f, filters = {s.height}, {s.width}, {s.channels}, {s.hidden}, {s.f}, {s.filters}
inputs = height * width * channels
dense = nn.Linear(inputs, hidden, bias=False, device="meta")  # "meta": shapes only, no memory
print("fully connected:", dense.weight.numel())
print("locally connected:", hidden * f * f * channels)  # every unit its own patch of weights
conv = nn.Conv2d(channels, filters, f, device="meta")
print("convolution:", sum(p.numel() for p in conv.parameters()))  # f·f·n_C + 1 for each filter
"""


def _shift_code(s: ConnectionSettings) -> str:
    weight = filter_weight(s.filter)
    relu = "maps = [one.relu() for one in maps]\n" if s.relu else ""
    return f"""import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

image = torch.from_numpy(np.array(Image.open("picture.png"))).float()[None]  # (1, H, W), from Downloads
down, right = {s.down}, {s.right}
height, width = image.shape[1:]
rows = (torch.arange(height) - down).clamp(0, height - 1)  # what comes in repeats the border
columns = (torch.arange(width) - right).clamp(0, width - 1)
images = [image, image[:, rows][:, :, columns]]
weight = torch.tensor({weight.tolist()})[None, None]
maps = [F.conv2d(one[None], weight)[0] for one in images]
{relu}pooled = [F.max_pool2d(one[None], {s.pool})[0] for one in maps]
matrix = torch.randn({OUTPUTS}, image.numel(), generator=torch.Generator().manual_seed(0)) / image.numel() ** 0.5
dense = [matrix @ one.flatten() for one in images]

h, w = maps[0].shape[1:]
before = maps[0][:, max(0, -down) : h - max(0, down), max(0, -right) : w - max(0, right)]
after = maps[1][:, max(0, down) : h - max(0, -down), max(0, right) : w - max(0, -right)]
close = lambda a, b, t: ((a - b).abs() <= t).float().mean().item()
print("convolution, found again after the shift:", close(before, after, 1e-5 * before.abs().max()))
print("max pooling, unchanged in place:", close(pooled[0], pooled[1], 1e-5 * pooled[0].abs().max()))
print("fully connected, unchanged:", close(dense[0], dense[1], 1e-3 * dense[0].std()))
"""


def _stacks_code(s: ConnectionSettings) -> str:
    c, narrow = s.c, s.c // 4
    layers = {
        "seven": (
            f"[nn.Conv2d({c}, {c}, 3, bias=False) for _ in range(3)]",
            f"[nn.Conv2d({c}, {c}, 7, bias=False)]",
        ),
        "factorised": (
            f"[nn.Conv2d({c}, {c}, (1, 3), bias=False), nn.Conv2d({c}, {c}, (3, 1), bias=False)]",
            f"[nn.Conv2d({c}, {c}, 3, bias=False)]",
        ),
        "bottleneck": (
            f"[nn.Conv2d({c}, {narrow}, 1, bias=False), nn.Conv2d({narrow}, {narrow}, 3, bias=False), "
            f"nn.Conv2d({narrow}, {c}, 1, bias=False)]",
            f"[nn.Conv2d({c}, {c}, 3, bias=False)]",
        ),
    }[s.compare]
    return f"""from torch import nn

stack = {layers[0]}
single = {layers[1]}
for name, layers in (("stack", stack), ("single", single)):
    weights = sum(layer.weight.numel() for layer in layers)
    sides = [layer.kernel_size for layer in layers]
    field = tuple(1 + sum(side[axis] - 1 for side in sides) for axis in (0, 1))
    print(name, weights, "weights, receptive field", field)
"""


def _sound_code(s: ConnectionSettings) -> str:
    weight = sound_bank(s.taps)
    return f'''import wave

import numpy as np
import torch
import torch.nn.functional as F

with wave.open("sound.wav", "rb") as file:  # from Downloads; mono, 16 bits
    samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
sound = torch.from_numpy(samples.astype(np.float32) / 32768)[None, None]  # (1, 1, L)
weight = torch.tensor({[[round(float(v), 9) for v in row] for row in weight[:, 0]]})[:, None]  # (4, 1, {s.taps})
output = F.conv1d(sound, weight, padding={s.taps // 2})  # (1, 4, L): one dimension of place, one of depth
print(tuple(sound.shape), "->", tuple(output.shape))
print("{SOUND_FILTERS[s.sound_filter]} at sample {s.sample}:", output[0, {s.sound_filter}, {s.sample}].item())
'''


def _video_code(s: ConnectionSettings) -> str:
    at = max(s.frame, 1)
    return f"""import numpy as np
import torch
import torch.nn.functional as F

frames = torch.from_numpy(np.load("video.npz")["frames"]).float()  # (60, 108, 192), from Downloads
blur = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
sobel = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8
point = torch.zeros(3, 3)
point[1, 1] = 1
times = torch.tensor([[-1.0, 0, 1], [1 / 3, 1 / 3, 1 / 3], [1 / 3, 1 / 3, 1 / 3], [-0.5, 1, -0.5]])
weight = (times[:, :, None, None] * torch.stack([blur, sobel, point, blur])[:, None])[:, None]  # (4, 1, 3, 3, 3)
output = F.conv3d(frames[None, None], weight)[0]  # (4, 58, 106, 190): depth, time, height, width
print(tuple(frames.shape), "->", tuple(output.shape))
frame = output[{s.video_filter}, min({at}, len(frames) - 2) - 1]  # {VIDEO_FILTERS[s.video_filter]} around frame {at}
print(frame.min().item(), frame.max().item())
"""
