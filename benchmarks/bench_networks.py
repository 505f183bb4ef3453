"""B6, B7 and B8: feature maps, receptive fields and Grad-CAM beside the plain forward pass, in one
process, in turn."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.measure import Line, best_of, table
from cnn.attribution.grad_cam import grad_cams
from cnn.convolution.receptive_field import receptive_fields
from cnn.models.registry import build_model
from cnn.networks.layers import feature_maps

BUDGETS = ("B6", "B7", "B8")
STAGES = ("layer1", "layer2", "layer3", "layer4")
ROUNDS = 15


def _forward(model: nn.Module, image: Tensor) -> Callable[[], object]:
    def run() -> Tensor:
        with torch.no_grad():
            return model(image)

    return run


def _line(
    budget: str, what: str, limit: float, name: str, ours: Callable[[nn.Module, Tensor], object]
) -> Line:
    model = build_model(name)
    side = 299 if name == "inception_v3" else 224
    image = torch.rand(1, 3, side, side)
    figure, beside = best_of([lambda: ours(model, image), _forward(model, image)], ROUNDS)
    return Line(budget, f"{what}, {name} {side}² / its forward pass", figure * 1e3, "ms", limit, beside * 1e3)


def measure() -> list[Line]:
    """All lines of the three budgets, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        lines = [
            _line("B6", "all feature maps", 1.15, name, feature_maps)
            for name in ("resnet18", "vgg16", "mobilenet_v2")
        ]
        lines += [
            _line(
                "B7", "receptive fields of every layer", 0.25, name, lambda m, x: receptive_fields(m, x.shape)
            )
            for name in ("resnet50", "inception_v3")
        ]
        lines.append(
            _line("B8", "Grad-CAM of layer4", 1.1, "resnet18", lambda m, x: grad_cams(m, x, ["layer4"]))
        )
        lines.append(
            _line("B8", "Grad-CAM of four stages", 1.7, "resnet18", lambda m, x: grad_cams(m, x, STAGES))
        )
        return lines
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    print(table(measure()))
