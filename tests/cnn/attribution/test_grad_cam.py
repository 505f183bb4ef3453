"""Class activation maps against captum, back-propagation through the whole network, and hand-made
networks."""

from __future__ import annotations

import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn
from torch.nn import functional as F

from cnn.attribution.grad_cam import CAM_METHODS, grad_cam, grad_cams, suggested_layers
from cnn.models.registry import build_model
from cnn.networks.layers import feature_maps

STAGES = ["layer1", "layer2", "layer3", "layer4"]


def photo(size: int = 64) -> Tensor:
    return torch.randn(3, size, size, generator=torch.Generator().manual_seed(2))


def normalised(raw: Tensor, size: int) -> Tensor:
    heat = F.interpolate(raw.relu(), size=(size, size), mode="bilinear")[0, 0]
    return heat / heat.max() if heat.max() > 0 else heat


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("resnet18", "layer4"),
        ("resnet18", "layer2.1.conv2"),
        ("mobilenet_v2", "features.18.0"),
        ("tiny_vgg", "block3"),
    ],
)
@pytest.mark.parametrize("target", [0, 3])
def test_grad_cam_is_captums(name: str, layer: str, target: int) -> None:
    model = build_model(name, num_classes=5, seed=1)
    wanted = LayerGradCam(model, model.get_submodule(layer)).attribute(photo()[None], target=target)
    found = grad_cams(model, photo(), [layer], target)[layer]
    torch.testing.assert_close(found.raw, wanted.detach()[0, 0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        grad_cam(model, photo(), layer, target), normalised(wanted.detach(), 64), rtol=1e-3, atol=1e-4
    )
    assert found.heat.shape == (64, 64)
    assert 0 <= found.heat.min() <= found.heat.max() <= 1


def test_several_stages_in_one_pass_are_the_single_ones() -> None:
    model = build_model("resnet18", num_classes=5)
    together = grad_cams(model, photo(), STAGES, 2)
    for layer in STAGES:
        torch.testing.assert_close(together[layer].raw, grad_cams(model, photo(), [layer], 2)[layer].raw)
    assert [tuple(together[layer].raw.shape) for layer in STAGES] == [(16, 16), (8, 8), (4, 4), (2, 2)]


def test_branches_that_do_not_meet_each_have_their_gradient() -> None:
    model = build_model("googlenet", num_classes=4)
    layers = ["inception5b.branch1.conv", "inception5b.branch4.1.conv", "inception5a"]
    together = grad_cams(model, photo(), layers, 1)
    for layer in layers:
        torch.testing.assert_close(together[layer].raw, grad_cams(model, photo(), [layer], 1)[layer].raw)


def test_no_target_takes_the_prediction_and_nothing_stays_behind() -> None:
    model = build_model("resnet18", num_classes=5)
    with torch.no_grad():
        predicted = int(model(photo()[None]).argmax())
    found = grad_cams(model, photo(), ["layer4"])["layer4"]
    assert found.target == predicted
    assert all(p.grad is None for p in model.parameters())
    assert all(not m._forward_hooks and not m._backward_hooks for m in model.modules())
    assert torch.is_grad_enabled()
    with torch.no_grad():
        assert torch.equal(grad_cam(model, photo(), "layer4"), found.heat)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        assert torch.equal(grad_cam(model, photo() * 1, "layer4"), found.heat)


class Linear(nn.Module):
    """Scores that are means of channels, so that every map is known by hand."""

    def __init__(self, weights: list[list[float]]) -> None:
        super().__init__()
        self.maps = nn.Identity()
        self.weights = nn.Parameter(torch.tensor(weights))

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(x * 1).mean(dim=(2, 3)) @ self.weights.T


def test_maps_by_hand() -> None:
    x = torch.rand(1, 2, 4, 4)
    model = Linear([[2.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    weighted = (2 * x[0, 0] + x[0, 1]) / 16
    for method in ("grad_cam", "hires_cam", "layer_cam"):
        torch.testing.assert_close(grad_cams(model, x, ["maps"], 0, method=method)["maps"].raw, weighted)
    gained = grad_cams(model, x, ["maps"], 1, method="layer_cam")["maps"].raw
    torch.testing.assert_close(gained, x[0, 0] / 16)
    # XGrad-CAM's weights are gradients weighted by the map itself: the same where gradients do not vary.
    torch.testing.assert_close(grad_cams(model, x, ["maps"], 0, method="xgrad_cam")["maps"].raw, weighted)
    # Grad-CAM++: α = g² / (2 g² + ΣA g³) at each place, weights Σ α·ReLU(g).
    g = torch.tensor([2.0, 1.0]) / 16
    alpha = g**2 / (2 * g**2 + x[0].sum(dim=(1, 2)) * g**3)
    wanted = ((16 * alpha * g)[:, None, None] * x[0]).sum(0)
    torch.testing.assert_close(grad_cams(model, x, ["maps"], 0, method="grad_cam_pp")["maps"].raw, wanted)


def test_eigen_cam_is_the_first_component() -> None:
    x = torch.rand(1, 6, 5, 5)
    found = grad_cams(Linear([[1.0] * 6]), x, ["maps"], 0, method="eigen_cam")["maps"].raw.flatten()
    flat = x[0].flatten(1).T
    _, _, vectors = torch.pca_lowrank(flat, q=6, niter=20)
    wanted = (flat - flat.mean(0)) @ vectors[:, 0]
    correlation = torch.corrcoef(torch.stack([found, wanted]))[0, 1].abs()
    assert correlation > 0.9999


def test_warnings() -> None:
    x = torch.rand(1, 2, 4, 4)
    nothing = grad_cams(Linear([[-1.0, -1.0]]), x, ["maps"], 0)["maps"]
    assert nothing.warning == "zero"
    assert not nothing.heat.any()
    x[0, 0, 1, 1] = float("nan")
    broken = grad_cams(Linear([[1.0, 1.0]]), x, ["maps"], 0)["maps"]
    assert broken.warning == "not_finite"
    assert torch.isfinite(broken.heat).all()


def test_what_cannot_be_mapped_is_said() -> None:
    model = build_model("resnet18", num_classes=5)
    with pytest.raises(KeyError, match="layer9"):
        grad_cam(model, photo(), "layer9")
    with pytest.raises(IndexError, match=r"0\.\.4, got 5"):
        grad_cam(model, photo(), "layer4", 5)
    with pytest.raises(ValueError, match=r"maps \(N, C, H, W\), got fc"):
        grad_cam(model, photo(), "fc")
    with pytest.raises(ValueError, match="score_cam"):
        grad_cams(model, photo(), ["layer4"], method="score_cam")
    assert len(CAM_METHODS) == 6


def test_suggested_layers_are_the_last_of_each_size() -> None:
    found = suggested_layers(build_model("resnet18"), photo())
    assert found == ("layer1.1.relu_1", "layer2.1.relu_1", "layer3.1.relu_1", "layer4.1.relu_1")
    assert suggested_layers(build_model("tiny_vgg"), photo(), count=1)[0].startswith("block")


def test_layers_that_keep_their_channels_last_are_no_maps() -> None:
    model = build_model("swin_t", seed=0)
    names = suggested_layers(model, torch.rand(3, 224, 224))
    maps = feature_maps(model, torch.rand(3, 224, 224), names)
    assert names
    assert all(value.shape[2] == value.shape[3] for value in maps.values())
    assert maps[names[-1]].shape[1:] == (768, 7, 7)
