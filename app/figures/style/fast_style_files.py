"""Downloads and code of the fast-style screen."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch

from app.figures.style.fast_style import networks_npz, result_of
from app.figures.style.fast_style_choices import FastChoices
from app.pictures import CurrentPicture
from cnn.device import half_dtype
from cnn.images.encode import png_bytes, to_hwc


def fast_files(
    current: CurrentPicture, choices: FastChoices
) -> list[tuple[str, str, Callable[[], bytes], str]]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for."""
    return [
        ("png", "fast_style.png", lambda: png_bytes(to_hwc(result_of(current, choices))), "image/png"),
        ("npz", "fast_style.npz", lambda: _npz(current, choices), "application/octet-stream"),
    ]


def _npz(current: CurrentPicture, choices: FastChoices) -> bytes:
    file = io.BytesIO()
    np.savez(file, **networks_npz(current, choices))
    return file.getvalue()


def pytorch_code(choices: FastChoices) -> str:
    """Return code that makes the shown picture from `fast_style.npz` with nothing but PyTorch."""
    kept = choices.values["colours"]
    half = half_dtype(torch.device("cpu"))
    precision = "with torch.no_grad():"
    if half is not None:  # a CPU made for it, and the screen makes use of that
        precision = f'with torch.no_grad(), torch.autocast("cpu", {half}):'
    colours = """
yiq = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
mixed = torch.einsum("ij,njhw->nihw", yiq, x)              # the photo's colours, the style's luminance
mixed[:, :1] = torch.einsum("ij,njhw->nihw", yiq, y.round() / 255)[:, :1]
y = torch.einsum("ij,njhw->nihw", torch.linalg.inv(yiq.double()).float(), mixed).clamp(0, 1) * 255
"""
    return f"""import numpy as np
import torch
import torch.nn.functional as F

data = {{name: torch.from_numpy(array) for name, array in np.load("fast_style.npz").items()}}   # from Downloads
mix = {choices.mix!r}


def conv_norm(x, net, at, stride=1):                       # reflection padding, convolution, instance norm
    weight = net[at + ".conv.weight"]
    x = F.pad(x, (weight.shape[-1] // 2,) * 4, mode="reflect")
    return F.instance_norm(F.conv2d(x, weight, stride=stride), weight=net[at + ".norm.weight"], bias=net[at + ".norm.bias"])


def styled(x, net):                                        # x: (1, 3, H, W) in 0..1
    height, width = x.shape[-2:]
    x = F.pad(x, (0, -width % 4, 0, -height % 4), mode="replicate")
    x = F.relu(conv_norm(x, net, "down1"))
    x = F.relu(conv_norm(x, net, "down2", stride=2))
    x = F.relu(conv_norm(x, net, "down3", stride=2))
    block = 0
    while f"residuals.{{block}}.conv1.conv.weight" in net:
        at = f"residuals.{{block}}."
        x = x + conv_norm(F.relu(conv_norm(x, net, at + "conv1")), net, at + "conv2")
        block += 1
    x = F.relu(conv_norm(F.interpolate(x, scale_factor=2, mode="nearest"), net, "up1"))
    x = F.relu(conv_norm(F.interpolate(x, scale_factor=2, mode="nearest"), net, "up2"))
    x = F.conv2d(F.pad(x, (4,) * 4, mode="reflect"), net["output.weight"], net["output.bias"])
    return torch.sigmoid(x)[..., :height, :width]


x = data["content"][None].float() / 255
y = 0
{precision}
    for name, share in mix.items():
        net = {{key.removeprefix(name + "."): values for key, values in data.items() if key.startswith(name + ".")}}
        y = y + share / sum(mix.values()) * styled(x, net).float()
y = y * 255
{colours if kept else ""}
result = y[0].round().to(torch.uint8)
print(tuple(result.shape), result.float().mean().item())
print("largest difference to the screen:", (result.int() - data["result"].int()).abs().max().item(), "of 255")
"""
