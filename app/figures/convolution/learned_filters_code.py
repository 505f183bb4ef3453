"""PyTorch code that learns the filter by back-propagation to the screen's numbers."""

from __future__ import annotations

from cnn.convolution.filters import filter_weight
from cnn.convolution.learning_settings import LearningSettings, Phase


def pytorch_code(settings: LearningSettings) -> str:
    """Return code whose `weight` and `loss` are those of the step that is shown; noise and steering included."""
    target = [
        [float(value) for value in row]
        for row in filter_weight(settings.target, kernel_size=int(settings.kernel))
    ]
    rows = ",\n                       ".join(str(row) for row in target)
    phases = [p for p in settings.phases if p.start == 0 or p.start < settings.step]
    lines = [
        "import numpy as np",
        "import torch",
        "import torch.nn.functional as F",
        "from PIL import Image",
        "",
        'pixels = np.array(Image.open("picture.png"))  # the input, from Downloads',
        "gray = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1).float().mean(0)",
        "x = ((gray - gray.mean()) / gray.std())[None, None].double()  # (1, 1, H, W)",
        f"target = torch.tensor([{rows}], dtype=torch.float64)",
        "wanted = F.conv2d(x, target[None, None])  # all that is known of the target",
        "unit = wanted.var()",
        f"noise = torch.randn(wanted.shape[2:], generator=torch.Generator().manual_seed({settings.seed + 1})) * unit.sqrt()",
        "",
        f"weight = torch.randn(1, 1, *target.shape, generator=torch.Generator().manual_seed({settings.seed})).double()",
        "weight.requires_grad_(True)",
        "safe = float(0.5 * unit / (target.numel() * x.pow(2).mean()))",
    ]
    ends = [p.start for p in phases[1:]] + [settings.step]
    before: Phase | None = None
    for phase, end in zip(phases, ends, strict=True):
        lines += ["", *_phase_lines(phase, before, end - phase.start)]
        before = phase
    goal = _goal(phases[-1])
    lines += [
        "",
        f"loss = (F.conv2d(x, weight) - {goal}).pow(2).mean() / unit",
        f'print("step {settings.step}: loss", loss.item())',
        'print("largest difference from the target:", (weight - target).abs().max().item())',
        "print(weight.data[0, 0])",
    ]
    return "\n".join(lines)


def _goal(phase: Phase) -> str:
    return f"(wanted + {phase.noise / 100:g} * noise)" if phase.noise else "wanted"


def _phase_lines(phase: Phase, before: Phase | None, steps: int) -> list[str]:
    rate = f"{phase.rate:g} * safe" if phase.learner != "adam" else f"{phase.rate:g} * 0.1"
    lines = []
    if before is None or before.learner != phase.learner:
        momentum = ", momentum=0.95" if phase.learner == "momentum" else ""
        kind = (
            f"Adam([weight], lr={rate})" if phase.learner == "adam" else f"SGD([weight], lr={rate}{momentum})"
        )
        lines.append(f"optimiser = torch.optim.{kind}")
    elif before.rate != phase.rate:
        lines.append(f'optimiser.param_groups[0]["lr"] = {rate}')
    return [
        *lines,
        f"for step in range({steps}):",
        "    optimiser.zero_grad()",
        f"    loss = (F.conv2d(x, weight) - {_goal(phase)}).pow(2).mean() / unit",
        "    loss.backward()  # back-propagation: the gradient of the loss for each weight",
        "    optimiser.step()",
    ]
