"""Pre-processing against torchvision's own, predictions against softmax, signals against plain gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import ResNet50_Weights, Swin_T_Weights

from cnn.models.registry import build_model
from cnn.networks.depth import layer_signals
from cnn.networks.prediction import predicted, prepared_picture, top_classes
from cnn.weights.pretrained import pretrained_record


@pytest.mark.parametrize(
    ("name", "weights"), [("resnet50", ResNet50_Weights.DEFAULT), ("swin_t", Swin_T_Weights.DEFAULT)]
)
@pytest.mark.parametrize("size", [(3, 300, 400), (3, 500, 231), (3, 60, 90)])
def test_pre_processing_is_torchvisions(name: str, weights: Any, size: tuple[int, int, int]) -> None:
    image = torch.randint(0, 256, size, dtype=torch.uint8)
    record = pretrained_record(name)
    found = prepared_picture(
        image,
        (3, record.crop, record.crop),
        record.mean,
        record.std,
        resize=record.resize,
        interpolation=record.interpolation,
    )
    wanted = weights.transforms()(image)[None]
    torch.testing.assert_close(found.batch, wanted, rtol=0, atol=1e-6)
    assert found.cropped.dtype == torch.uint8


def test_the_box_is_where_the_network_looks() -> None:
    image = torch.zeros(3, 200, 400, dtype=torch.uint8)
    found = prepared_picture(image, (3, 100, 100), (0.5,) * 3, (0.5,) * 3)
    assert found.resized.shape == (3, 100, 200)
    assert found.box == (100, 0, 300, 200)
    assert found.place(0, 0) == (100, 0)
    assert found.place(50, 100) == (200, 200)
    image[:, :, 100:300] = 255
    inside = prepared_picture(image, (3, 100, 100), (0.5,) * 3, (0.5,) * 3).batch
    assert inside[..., 2:-2].min() == 1


@pytest.mark.parametrize("shape", [(3, 1, 30_000), (1, 29_999, 1), (3, 2, 4001)])
def test_fault_A6_a_line_of_pixels_is_read_in_its_middle(shape: tuple[int, int, int]) -> None:
    image = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    found = prepared_picture(image, (3, 64, 64), (0.5,) * 3, (0.25,) * 3)
    assert found.batch.shape == (1, 3, 64, 64)
    assert max(found.resized.shape[1:]) <= 64 * 34
    x1, y1, x2, y2 = found.box
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((shape[2] / 2, shape[1] / 2), abs=0.6)


def test_gray_and_colour() -> None:
    gray = torch.randint(0, 256, (1, 40, 40), dtype=torch.uint8)
    assert torch.equal(
        prepared_picture(gray, (3, 40, 40), (0.0,) * 3, (1.0,) * 3).cropped, gray.expand(3, -1, -1)
    )
    red = torch.zeros(3, 40, 40, dtype=torch.uint8)
    red[0] = 255
    assert prepared_picture(red, (1, 40, 40), (0.0,), (1.0,)).cropped.unique().tolist() == [76]
    with pytest.raises(ValueError, match="uint8 picture"):
        prepared_picture(gray.float(), (1, 40, 40), (0.0,), (1.0,))


def test_top_classes() -> None:
    logits = torch.tensor([1.0, 3.0, -2.0, 3.0])
    found = top_classes(logits, ["a", "b", "c"], 3)
    assert [(s.index, s.category) for s in found] == [(1, "b"), (3, "3"), (0, "a")]
    assert found[0].probability == pytest.approx(float(logits.softmax(0)[1]))
    assert found[0].logit == 3
    with pytest.raises(ValueError, match="wanted logits"):
        top_classes(torch.zeros(2, 3), [])
    model = build_model("lenet5")
    batch = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert predicted(model, batch, [], 1)[0].index == int(model(batch).argmax())


def test_M4_signals_and_gradients_are_autograds_own() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    image = torch.randn(1, 1, 6, 6)
    first, last = layer_signals(model, image, 2)
    assert (first.layer, first.depth, last.layer, last.depth) == ("0", 1, "3", 2)
    z = model[0](image).detach().requires_grad_()
    loss = nn.functional.cross_entropy(model[3](z.relu().flatten(1)), torch.tensor([2]))
    (gradient,) = torch.autograd.grad(loss, z)
    assert first.signal == pytest.approx(float(z.square().mean().sqrt()), rel=1e-5)
    assert first.gradient == pytest.approx(float(gradient.square().mean().sqrt()), rel=1e-5)
    assert all(p.grad is None for p in model.parameters())


def test_M4_gradients_reach_the_first_layers_of_a_residual_network_better() -> None:
    image = torch.randn(1, 3, 64, 64)
    residual, plain = (
        layer_signals(build_model(name, num_classes=10), image) for name in ("resnet34", "plain34")
    )
    assert len(plain) == 34
    assert max(signal.depth for signal in residual) == 34
    decay = {name: found[0].gradient / found[-2].gradient for name, found in (("r", residual), ("p", plain))}
    assert decay["r"] > decay["p"]
