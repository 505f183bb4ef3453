"""Segmentation against the network's own forward, at every size."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import nn
from torchvision.models import mobilenet_v3_small
from torchvision.models.segmentation import LRASPP
from torchvision.models.segmentation.fcn import FCN, FCNHead

from cnn.models.unet import SeparableUNet, UNet
from cnn.segmentation.segment import (
    SegmenterError,
    categories_of,
    network_input,
    segment,
    segment_batch,
)
from cnn.weights.builtin import builtin_record, normalised


@cache
def fcn(num_classes: int = 21) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.ModuleDict({"out": nn.Conv2d(3, 8, 7, stride=8, padding=3)})

        class Body(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layers = body

            def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
                return {"out": self.layers["out"](x).relu()}

        return FCN(Body(), FCNHead(8, num_classes)).eval()


@cache
def unet(channels: int = 1, classes: int = 2) -> UNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return UNet(channels, classes, widths=(4, 8, 8)).eval()


def picture(height: int, width: int, channels: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    coarse = torch.rand(1, channels, 5, 6, generator=generator)
    return nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0].clamp(0, 1)


def test_S1_labels_are_what_the_network_says_at_its_own_size() -> None:
    model, image = fcn(), picture(520, 600)
    found = segment(model, image)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        logits = model(((image - mean.view(3, 1, 1)) / std.view(3, 1, 1))[None])["out"][0]
    assert torch.equal(found.labels.long(), logits.argmax(0))
    torch.testing.assert_close(found.probabilities, logits.softmax(0), atol=1e-5, rtol=1e-4)
    assert found.probabilities.shape == (21, 520, 600)
    assert found.categories[0] == "__background__"
    assert found.categories[15] == "person"
    assert set(found.seconds) == {"preprocess", "network", "postprocess"}


def test_S1_other_sizes_come_back_at_the_pictures_size() -> None:
    found = segment(fcn(), (picture(300, 200) * 255).to(torch.uint8))
    assert found.labels.shape == (300, 200)
    assert found.input_size == (780, 520)
    torch.testing.assert_close(found.probabilities.sum(0), torch.ones(300, 200))
    assert torch.equal(found.pixel(10, 20), found.probabilities[:, 10, 20])
    assert int(found.pixel(10, 20).argmax()) == int(found.labels[10, 20])
    with pytest.raises(IndexError, match="wanted a pixel"):
        found.pixel(300, 0)


def test_S2_a_unet_reads_the_records_scale_and_names() -> None:
    record, image = builtin_record("unet-membrane"), picture(512, 512, 1)
    found = segment(unet(), image)
    with torch.inference_mode():
        logits = unet()(normalised(image[None], record))[0]
    assert torch.equal(found.labels.long(), logits.argmax(0))
    assert found.categories == ("membrane", "cell")
    coloured = segment(unet(), image.expand(3, -1, -1))
    assert (coloured.labels == found.labels).float().mean() > 0.999


def test_S2_the_input_is_what_segment_gives_the_network() -> None:
    image = (picture(200, 300) * 255).to(torch.uint8)
    for model in (unet(), fcn()):
        x, found = network_input(model, image), segment(model, image)
        assert tuple(x.shape[2:]) == found.input_size
        with torch.inference_mode():
            output = model(x)
        logits = output["out"] if isinstance(output, dict) else output
        scaled = nn.functional.interpolate(logits, (200, 300), mode="bilinear", align_corners=False)[0]
        assert (scaled.argmax(0) == found.labels).float().mean() > 0.9999
        assert categories_of(model) == found.categories


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (40, 1)])
@pytest.mark.parametrize("model", ["fcn", "unet", "lraspp"])
def test_A6_tiny_narrow_and_flat_pictures(model: str, size: tuple[int, int]) -> None:
    if model == "lraspp":
        features = mobilenet_v3_small().features[:4]
        body = nn.Module()
        body.forward = lambda x: {"low": features[:2](x), "high": features(x)}  # type: ignore[method-assign]
        network: nn.Module = LRASPP(body, 16, 24, 5).eval()
        network.features = features  # registered, so that it is switched to evaluation
    else:
        network = fcn() if model == "fcn" else unet()
    found = segment(network, torch.full((1, *size), 200, dtype=torch.uint8))
    assert found.labels.shape == size
    assert found.probabilities.isfinite().all()


def test_A6_a_large_picture_is_bounded() -> None:
    found = segment(fcn(), torch.zeros(3, 3000, 4000, dtype=torch.uint8))
    assert found.labels.shape == (3000, 4000)
    assert found.probabilities.numel() <= 48_000_000
    assert int(found.pixel(2999, 3999).argmax()) == int(found.labels[2999, 3999])


def test_B10_the_fast_copy_agrees_almost_everywhere() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = SeparableUNet(3, 11, widths=(8, 16, 16), stem_stride=2).eval()
    image = picture(180, 240)
    exact, fast = segment(model, image), segment(model, image, precision="fast")
    assert exact.categories[0] == "sky"
    assert (exact.probabilities - fast.probabilities).abs().max() < 0.05
    assert (exact.labels == fast.labels).float().mean() > 0.9


def test_B10_the_fast_copy_of_torchvisions_networks_scales_once() -> None:
    image = picture(260, 300)
    exact, fast = segment(fcn(), image), segment(fcn(), image, precision="fast")
    assert fast.probabilities.shape == exact.probabilities.shape
    assert (exact.probabilities - fast.probabilities).abs().mean() < 0.01


def test_B10_labels_alone_are_the_same() -> None:
    whole, labels = segment(unet(), picture(90, 70)), segment(unet(), picture(90, 70), probabilities=False)
    assert torch.equal(whole.labels, labels.labels)
    assert labels.probabilities.shape == (2, 0, 0)


def test_several_pictures_in_one_pass() -> None:
    images = [picture(64, 80, 1), picture(64, 80, 1).flip(1)]
    for image, found in zip(images, segment_batch(unet(), images), strict=True):
        torch.testing.assert_close(
            found.probabilities, segment(unet(), image).probabilities, atol=1e-4, rtol=1e-3
        )


def test_what_cannot_be_segmented_is_refused() -> None:
    with pytest.raises(SegmenterError, match="got Linear"):
        segment(nn.Linear(1, 1), picture(8, 8))
    for bad in (picture(8, 8) * 2, torch.zeros(2, 8, 8), picture(8, 8) * float("nan")):
        with pytest.raises(ValueError, match="wanted"):
            segment(fcn(), bad)
