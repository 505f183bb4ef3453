"""The box against the support of the gradient, for every registered network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cnn.convolution.receptive_field import receptive_fields
from cnn.models.registry import MODELS, model_record, model_skeleton
from cnn.models.running import Runner
from cnn.models.tracing import trace

# The side of the picture; small, so that fields are cut by every edge; odd, so that strides leave rows out.
SIDES = {
    "yolo": 64,
    "lenet5": 32,
    "fashion_cnn": 28,
    "inception_v3": 107,
    "alexnet": 227,
    "alexnet_torchvision": 95,
}
# Deeper layers of the largest networks repeat the structure of the earlier ones; a run stops at this many
# multiplications.
WORK = 2e8


class AveragePool(nn.Module):
    """In place of a max pool: it reads the same pixels, and each of them counts."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.options = (pool.kernel_size, pool.stride, pool.padding)
        self.ceil_mode = pool.ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x, *self.options, ceil_mode=self.ceil_mode)


def fill(model: nn.Module, generator: torch.Generator) -> None:
    """Positive random weights that average, so that every path through the network carries a gradient."""
    for module in model.modules():
        for name, tensor in list(module.named_parameters(recurse=False)):
            values = (
                torch.rand((tensor.shape[0], *(1,) * (tensor.ndim - 1)), generator=generator).double() + 0.5
            )
            if tensor.ndim > 1:
                values /= 5 * tensor[0].numel()
            if name == "bias":
                values = values * 0.01
            module._parameters[name] = nn.Parameter(values.expand(tensor.shape), requires_grad=False)
        for name, tensor in list(module.named_buffers(recurse=False)):
            if tensor.is_meta:
                value = torch.ones(tensor.shape) if "var" in name else torch.zeros(tensor.shape)
                module._buffers[name] = value.double() if tensor.is_floating_point() else value.long()
            elif tensor.is_floating_point():
                module._buffers[name] = tensor.double()


def open_everywhere(model: nn.Module) -> nn.Module:
    """Max pools and ReLUs shut off part of what they read; their twins here let everything through."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, AveragePool(child))
            elif isinstance(child, nn.ReLU):
                setattr(module, name, nn.LeakyReLU(0.3))
    return model


def support(value: Tensor, row: int, column: int, image: Tensor) -> tuple[int, int, int, int]:
    unit = value[0, :, row, column]
    weights = torch.linspace(0.5, 1.5, len(unit), dtype=unit.dtype)
    (gradient,) = torch.autograd.grad((unit * weights).sum(), image, retain_graph=True, allow_unused=True)
    if gradient is None:
        return 0, 0, 0, 0
    seen = (gradient[0] != 0).any(dim=0)
    rows, columns = np.flatnonzero(seen.any(dim=1)), np.flatnonzero(seen.any(dim=0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def probed_layers(names: list[str]) -> set[str]:
    """Five layers spread over the network and its last map."""
    return {names[int(i)] for i in np.linspace(0, len(names) - 1, min(6, len(names)))}


@pytest.mark.parametrize("name", [record.name for record in MODELS])
def test_R1_box_is_the_support_of_the_gradient(name: str) -> None:
    record = model_record(name)
    side = SIDES.get(
        name, max(record.minimum_size, 65 if record.minimum_size <= 65 else record.input_shape[1])
    )
    shape = (1, record.input_shape[0], side, side)
    skeleton = model_skeleton(name)
    fields = receptive_fields(skeleton, shape)
    model = open_everywhere(skeleton).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    fill(model, generator)
    image = (torch.rand(shape, generator=generator).double() * 0.5 + 0.5).requires_grad_()
    maps: dict[str, Tensor] = {}
    work = 0.0
    network = trace(model)
    for node, value in Runner(network).values(image):
        if not isinstance(value, Tensor) or node.op in {"placeholder", "get_attr", "output"}:
            continue
        if value.ndim == 4 and value.requires_grad and network.names[node] in fields:
            maps[network.names[node]] = value
        if node.op == "call_module" and value.ndim > 2:
            positions = value.numel() // value.shape[1 if value.ndim == 4 else -1]
            work += positions * sum(p.numel() for p in network.module(node).parameters())
        if work > WORK:
            break
    checked = 0
    for layer in probed_layers(list(maps)):
        value, field = maps[layer], fields[layer]
        height, width = value.shape[-2:]
        for row, column in itertools.islice({(0, width - 1), (height // 2, width // 2), (height - 1, 0)}, 3):
            found, box = support(value, row, column, image), field.visible_box(row, column)
            if field.status in {"exact", "whole image"}:
                assert found == box, (layer, row, column, field.status)
            else:
                x1, y1, x2, y2 = box
                inside = x1 <= found[0] and y1 <= found[1] and found[2] <= x2 and found[3] <= y2
                assert inside, (layer, row, column)
            checked += 1
    assert checked >= 3
