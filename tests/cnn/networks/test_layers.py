"""Feature maps against hooks, terms against the tensor's own elements."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn.models.registry import build_model
from cnn.networks.layers import feature_maps, layer_terms


def with_statistics(model: nn.Module) -> nn.Module:
    """Batch norms as after training: means, variances, factors and shifts all different."""
    generator = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in ((module.running_mean, -0.2), (module.running_var, 0.5), (module.weight, 0.5)):
                assert tensor is not None
                tensor.data = torch.rand(tensor.shape, generator=generator) + low
            module.bias.data = torch.rand(module.bias.shape, generator=generator) - 0.5
    return model


def hooked(model: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """The first output of each leaf, copied at once."""
    found: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> None:
        found.setdefault(name, output.clone())

    handles = [
        module.register_forward_hook(lambda _, __, out, name=name: keep(name, out))
        for name, module in model.named_modules()
        if not list(module.children())
    ]
    with torch.no_grad():
        model(image)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "vgg11", "googlenet", "densenet121", "unet"])
def test_maps_are_what_hooks_copy(name: str) -> None:
    model = with_statistics(build_model(name, num_classes=10))
    image = torch.randn(1, 1 if name == "unet" else 3, 64, 64)
    maps, wanted = feature_maps(model, image), hooked(model, image)
    assert len(wanted) > 10
    for layer, value in wanted.items():
        torch.testing.assert_close(maps[layer], value, rtol=0, atol=0, msg=layer)
    with torch.no_grad():
        torch.testing.assert_close(list(maps.values())[-1], model(image), rtol=0, atol=0)


def test_in_place_layers_do_not_reach_back() -> None:
    class Careless(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.bn = nn.BatchNorm2d(2)

        def forward(self, x: Tensor) -> Tensor:
            y = self.bn(self.conv(x))
            y = F.relu(y, True)
            y += 1
            return F.relu_(y.mul_(-2))

    model = Careless().eval()
    image = torch.randn(1, 1, 6, 6)
    maps = feature_maps(model, image)
    with torch.no_grad():
        conv = model.conv(image)
        bn = model.bn(conv)
        torch.testing.assert_close(maps["conv"], conv)
        torch.testing.assert_close(maps["bn"], bn)
        torch.testing.assert_close(maps["relu"], bn.relu())
        assert torch.equal(list(maps.values())[-1], model(image))
    assert maps["bn"].min() < 0


def test_chosen_layers_blocks_and_functions() -> None:
    model = build_model("resnet18", num_classes=4)
    image = torch.randn(3, 64, 64)
    maps = feature_maps(model, image, ["layer1", "layer1.0.add", "layer1.0.conv1"])
    assert list(maps) == ["layer1.0.conv1", "layer1.0.add", "layer1"]
    assert maps["layer1"].shape == (1, 64, 16, 16)
    assert (maps["layer1"] >= 0).all()
    assert maps["layer1.0.add"].min() < 0
    with pytest.raises(KeyError, match="layer7"):
        feature_maps(model, image, ["layer7"])
    with pytest.raises(ValueError, match="wanted an image"):
        feature_maps(model, image[0])


def test_a_changed_network_is_traced_again() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True))
    image = torch.randn(1, 1, 5, 5)
    assert feature_maps(model, image)["1"].shape[1] == 2
    model[0] = nn.Conv2d(1, 5, 3)
    assert feature_maps(model, image)["1"].shape[1] == 5
    model[1] = nn.Flatten()
    assert feature_maps(model, image)["1"].shape == (1, 45)


def check(model: nn.Module, image: Tensor, layer: str, picks: int = 3) -> None:
    value = feature_maps(model, image, [layer])[layer]
    chooser = random.Random(layer)
    for _ in range(picks):
        place = [chooser.randrange(n) for n in value.shape[1:]] + [0] * (4 - value.ndim)
        terms = layer_terms(model, image, layer, *place)
        wanted = value[0][tuple(place[: value.ndim - 1])].item()
        assert terms.value == wanted, (layer, place)
        total = terms.channel_sums.sum().item() + terms.bias
        scale = terms.products.abs().sum().item() + abs(terms.bias) + 1e-6
        assert abs(total - wanted) <= 1e-5 * scale, (layer, place)
        torch.testing.assert_close(terms.products.sum((1, 2)), terms.channel_sums)
        torch.testing.assert_close(terms.patch.double() * terms.weight.double(), terms.products)


CHECKED = [
    "resnet18",
    "mobilenet_v2",
    "googlenet",
    "alexnet",
    "fashion_cnn",
    "unet",
    "separable_unet",
    "yolo",
    "shufflenet_v2_x0_5",
]


@pytest.mark.parametrize("name", CHECKED)
def test_terms_add_up_in_every_kind_of_layer(name: str) -> None:
    model = with_statistics(build_model(name))
    size = {"alexnet": 227, "fashion_cnn": 28}.get(name, 64)
    channels = 1 if name in {"fashion_cnn", "unet"} else 3
    image = torch.randn(1, channels, size, size)
    kinds: dict[type[nn.Module], int] = {}
    for layer, module in model.named_modules():
        if isinstance(
            module,
            (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d),
        ):
            kinds[type(module)] = kinds.get(type(module), 0) + 1
            if kinds[type(module)] <= 4:
                check(model, image, layer)
    assert kinds


@pytest.mark.parametrize(
    "options",
    [
        {"groups": 2},
        {"groups": 4, "stride": (2, 1)},
        {"dilation": (2, 3), "padding": (3, 1)},
        {"padding": "same"},
        {"padding": 2, "padding_mode": "reflect"},
        {"padding": 1, "padding_mode": "circular", "bias": False},
        {"padding": 3, "padding_mode": "replicate", "stride": 3},
    ],
)
def test_every_kind_of_convolution(options: dict[str, Any]) -> None:
    layer = nn.Conv2d(4, 8, (3, 4) if options.get("padding") == "same" else (3, 5), **options)
    check(nn.Sequential(layer), torch.randn(4, 12, 13), "0", 12)


@pytest.mark.parametrize(
    "options", [{"stride": 2}, {"stride": 3, "padding": 2, "output_padding": 1}, {"groups": 2, "dilation": 2}]
)
def test_C17_every_kind_of_transposed_convolution(options: dict[str, Any]) -> None:
    check(nn.Sequential(nn.ConvTranspose2d(4, 6, (3, 4), **options)), torch.randn(4, 7, 6), "0", 20)


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(3, 2, padding=1),
        nn.MaxPool2d((2, 3), dilation=2),
        nn.AvgPool2d(3, 2, padding=1),
        nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False),
        nn.AdaptiveAvgPool2d((3, 4)),
        nn.AdaptiveAvgPool2d(1),
        nn.Softmax(dim=1),
        nn.Softmax2d(),
    ],
)
def test_pools_and_softmax(pool: nn.Module) -> None:
    check(nn.Sequential(pool), torch.randn(3, 11, 9), "0", 12)


def test_a_max_pool_names_its_winner() -> None:
    image = torch.arange(16.0).reshape(1, 4, 4)
    terms = layer_terms(nn.Sequential(nn.MaxPool2d(2)), image, "0", 0, 1, 0)
    assert terms.value == 13
    assert terms.weight[0].tolist() == [[0, 0], [0, 1]]
    assert (terms.rows.tolist(), terms.columns.tolist()) == ([2, 3], [0, 1])


def test_functions_sums_and_pools() -> None:
    model = build_model("resnet18")
    image = torch.randn(3, 64, 64)
    check(model, image, "layer2.0.add")
    check(build_model("densenet121"), image, "adaptive_avg_pool2d")


def test_convolution_and_batch_norm_folded_into_one() -> None:
    model = with_statistics(build_model("resnet18"))
    image = torch.randn(3, 64, 64)
    behind = feature_maps(model, image, ["layer1.0.bn1"])["layer1.0.bn1"]
    terms = layer_terms(model, image, "layer1.0.conv1", 7, 3, 4, folded=True)
    assert terms.value == behind[0, 7, 3, 4].item()
    assert terms.products.sum().item() + terms.bias == pytest.approx(terms.value, abs=1e-5)
    with pytest.raises(TypeError, match="followed by a batch norm"):
        layer_terms(model, image, "fc", 0, folded=True)


def test_what_has_no_terms_is_said() -> None:
    model = build_model("resnet18")
    image = torch.randn(3, 64, 64)
    with pytest.raises(TypeError, match="ReLU"):
        layer_terms(model, image, "relu", 0, 0, 0)
    with pytest.raises(IndexError, match=r"channel in 0\.\.63, got 64"):
        layer_terms(model, image, "conv1", 64, 0, 0)
