"""Receptive fields against published figures, hand-computed stacks and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn.convolution.field_propagation import FieldTimeout
from cnn.convolution.field_tables import layer_fields
from cnn.convolution.receptive_field import effective_receptive_field, receptive_fields
from cnn.models.registry import model_skeleton


def conv(kernel: int, **options: object) -> nn.Conv2d:
    layer = nn.Conv2d(1, 1, kernel, bias=False, **options)  # type: ignore[arg-type]
    nn.init.ones_(layer.weight)
    return layer


def assert_support(model: nn.Module, size: tuple[int, int], layer: str) -> None:
    """Every unit's box against where its gradient is not zero."""
    field = receptive_fields(model, (1, *size))[layer]
    image = torch.rand(1, 1, *size, dtype=torch.float64) + 0.5
    height, width = field.grid
    for row in range(height):
        for column in range(width):
            seen = effective_receptive_field(model.double(), image, layer, row, column) > 0
            x1, y1, x2, y2 = field.visible_box(row, column)
            box = torch.zeros(size, dtype=torch.bool)
            box[y1:y2, x1:x2] = True
            rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
            if len(rows) == 0:
                assert not box.any(), (row, column)
                continue
            found = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
            assert found == (x1, y1, x2, y2), (layer, row, column)


@pytest.mark.parametrize(
    ("name", "layer", "size", "jump"),
    [
        # Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks", table 1.
        ("alexnet_torchvision", "features.12", 195, 32),
        ("vgg16", "features.30", 212, 32),
        ("mobilenet_v1", "blocks.12.relu2", 315, 32),
        ("inception_v3", "Mixed_7c.cat_2", 1311, 32),
        # With the stride in the 3×3 convolution, as torchvision has it, ResNet-50 sees 427; the paper's 483.
        ("resnet50", "layer4", 427, 32),
        ("resnet18", "layer4", 435, 32),
        ("plain18", "layer4", 435, 32),
    ],
)
def test_R1_published_sizes(name: str, layer: str, size: int, jump: int) -> None:
    side = {"inception_v3": 299}.get(name, 224)
    field = receptive_fields(model_skeleton(name), (3, side, side))[layer]
    assert (field.size, field.jump, field.status) == ((size, size), jump, "exact")


def test_R1_C14_three_3x3_convolutions_see_7x7() -> None:
    three = nn.Sequential(conv(3), conv(3), conv(3))
    fields = receptive_fields(three, (1, 20, 20))
    assert [fields[str(n)].size for n in range(3)] == [(3, 3), (5, 5), (7, 7)]
    assert fields["2"].box(4, 6) == (6, 4, 13, 11)
    assert fields["2"].jump == 1
    assert receptive_fields(nn.Sequential(conv(7)), (1, 20, 20))["0"].size == (7, 7)


def test_parts_in_the_padding_lie_off_the_picture() -> None:
    model = nn.Sequential(conv(3, padding=1), conv(3, padding=1))
    field = receptive_fields(model, (1, 9, 9))["1"]
    assert field.box(0, 0) == (-2, -2, 3, 3)
    assert field.visible_box(0, 0) == (0, 0, 3, 3)
    assert field.box(8, 4) == (2, 6, 7, 11)
    assert field.start == (-2, -2)


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param([conv(3, stride=2), conv(3, stride=2, padding=1)], id="strides"),
        pytest.param([conv(3, dilation=3, padding=2), conv(2, dilation=2)], id="dilation"),
        pytest.param([conv(5, stride=3), nn.AvgPool2d(3, 2, padding=1, ceil_mode=True)], id="ceil"),
        pytest.param([conv(3, padding="same"), conv(4, padding="same")], id="same"),
        pytest.param([conv(3, padding=2, padding_mode="reflect"), conv(3)], id="reflect"),
        pytest.param([conv(3, padding=1, padding_mode="replicate"), conv(3, stride=2)], id="replicate"),
        pytest.param([conv(1, padding=1), conv(3, stride=2)], id="only padding"),
        pytest.param([conv(3), nn.AdaptiveAvgPool2d((3, 4)), conv(2)], id="adaptive"),
        pytest.param([conv(3, stride=2), nn.Upsample(scale_factor=2, mode="nearest"), conv(3)], id="nearest"),
        pytest.param(
            [conv(3, stride=2), nn.Upsample(scale_factor=2, mode="bilinear"), conv(2)], id="bilinear"
        ),
        pytest.param(
            [conv(2, stride=2), nn.Upsample((9, 10), mode="bilinear", align_corners=True)], id="corners"
        ),
        pytest.param(
            [conv(2, stride=2), nn.PixelUnshuffle(2), nn.PixelShuffle(2), nn.ReflectionPad2d(1)], id="shuffle"
        ),
    ],
)
def test_R1_boxes_are_the_support_of_the_gradient(layers: list[nn.Module]) -> None:
    assert_support(nn.Sequential(*layers), (13, 17), str(len(layers) - 1))


def test_R1_bicubic() -> None:
    assert_support(nn.Sequential(conv(1), nn.Upsample(scale_factor=2, mode="bicubic")), (6, 7), "1")


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "extra"), [(3, 2, 1, 1), (2, 2, 0, 0), (4, 2, 1, 0), (5, 3, 2, 1)]
)
def test_R1_C17_transposed_convolution(kernel: int, stride: int, padding: int, extra: int) -> None:
    up = nn.ConvTranspose2d(1, 1, kernel, stride, padding, extra, bias=False)
    nn.init.ones_(up.weight)
    assert_support(nn.Sequential(conv(3, stride=2), up, conv(3)), (13, 11), "2")


class Branches(nn.Module):
    """A short and a long way, joined by addition, then concatenated with a dilated one."""

    def __init__(self) -> None:
        super().__init__()
        self.long = nn.Sequential(conv(3, stride=2, padding=1), conv(3, padding=1))
        self.short = conv(1, stride=2)
        self.wide = conv(3, stride=2, padding=3, dilation=3)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.long(x)) + self.short(x)
        y = torch.cat([y, self.wide(x)], dim=1)
        return y[:, :, 1:, ::2]


def test_R1_branches_unite() -> None:
    assert_support(Branches(), (15, 18), "add")
    assert_support(Branches(), (15, 18), "cat")
    assert_support(Branches(), (15, 18), "getitem")


class Gated(nn.Module):
    """A squeeze-and-excitation block."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = conv(1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.fc(self.pool(x)))


def test_R1_a_gate_sees_the_whole_image_and_says_which_layer_gathered_it() -> None:
    fields = receptive_fields(Gated(), (1, 8, 10))
    assert fields["conv"].status == "exact"
    assert (fields["mul"].status, fields["mul"].cause) == ("whole image", "pool")
    assert fields["mul"].visible_box(0, 0) == (0, 0, 10, 8)
    assert_support(Gated(), (8, 10), "mul")


def test_R1_flatten_and_linear() -> None:
    model = nn.Sequential(conv(3), nn.Flatten(), nn.Linear(16, 2))
    fields = receptive_fields(model, (1, 6, 6))
    assert fields["2"].status == "whole image"
    assert fields["2"].box(0, 0) == (0, 0, 6, 6)
    # A stride that leaves a row out: the linear layer does not see it either.
    left = receptive_fields(nn.Sequential(conv(2, stride=2), nn.Flatten(), nn.Linear(9, 2)), (1, 7, 7))
    assert left["2"].box(0, 0) == (0, 0, 6, 6)


def test_R1_where_the_picture_decides_the_badge_says_so() -> None:
    class Warped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.where = nn.Conv2d(1, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            return F.grid_sample(x, self.where(x).permute(0, 2, 3, 1).tanh(), align_corners=False)

    assert receptive_fields(Warped(), (1, 8, 8))["grid_sample"].status == "data-dependent"


def test_R1_an_operation_without_a_rule_is_an_upper_bound() -> None:
    class Sorted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cumsum(x, dim=-1)

    field = receptive_fields(Sorted(), (1, 5, 6))["cumsum"]
    assert field.status == "upper bound"
    assert field.visible_box(0, 0) == (0, 0, 6, 5)


def test_R1_a_network_torch_fx_refuses() -> None:
    class Uneven(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = conv(3), conv(5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.a(x)
            return self.b(x) if x.shape[-1] > 10 else x

    assert receptive_fields(Uneven(), (1, 20, 20))["b"].size == (7, 7)


def test_R1_the_reverse_units_that_see_a_pixel() -> None:
    fields = receptive_fields(Branches(), (1, 15, 18))
    for layer in ("long.0", "add", "cat"):
        field = fields[layer]
        height, width = field.grid
        for row, column in ((0, 0), (7, 9), (14, 17)):
            seeing = []
            for r in range(height):
                for c in range(width):
                    x1, y1, x2, y2 = field.visible_box(r, c)
                    if x1 <= column < x2 and y1 <= row < y2:
                        seeing.append((r, c))
            x1, y1, x2, y2 = field.units(row, column)
            assert seeing == [(r, c) for r in range(y1, y2) for c in range(x1, x2)], (layer, row, column)
            assert fields.units(row, column)[layer] == (x1, y1, x2, y2)


def test_R2_effective_field_is_smaller_than_the_box_and_centred() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(8, 8, 3, padding=1, bias=False) for _ in range(9)]
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), *layers)
    x1, y1, x2, y2 = receptive_fields(model, (3, 41, 41))["9"].box(20, 20)
    assert (x1, y1, x2, y2) == (10, 10, 31, 31)
    found = effective_receptive_field(model, torch.randn(3, 41, 41), "9", 20, 20, channel=0)
    assert found.shape == (41, 41)
    outside = found.clone()
    outside[y1:y2, x1:x2] = 0
    assert outside.max() == 0
    # A quarter of the area, the middle, holds more than half of the effect.
    assert found[15:26, 15:26].sum() > 0.5 * found.sum()
    assert all(p.grad is None for p in model.parameters())


def test_R2_of_a_linear_stack_is_the_filter_itself() -> None:
    layer = nn.Conv2d(2, 3, 3, padding=1)
    found = effective_receptive_field(nn.Sequential(layer), torch.rand(2, 8, 8), "0", 4, 5, channel=1)
    wanted = torch.zeros(8, 8)
    wanted[3:6, 4:7] = layer.weight[1].abs().sum(0)
    torch.testing.assert_close(found, wanted)


def test_what_is_not_there_is_said() -> None:
    fields = receptive_fields(nn.Sequential(conv(3)), (1, 8, 8))
    with pytest.raises(IndexError, match="6×6 units, got row 6"):
        fields["0"].box(6, 0)
    with pytest.raises(KeyError, match="wanted the name of a layer"):
        fields["conv9"]
    with pytest.raises(ValueError, match=r"wanted an input shape"):
        receptive_fields(nn.Sequential(conv(3)), (8, 8))
    with pytest.raises(ValueError, match="does not fit"):
        receptive_fields(nn.Sequential(conv(9)), (1, 5, 5))
    assert "0" in fields
    assert "1" not in fields
    assert list(fields) == ["0"]


def test_R1_padding_on_one_side_does_not_count_strides_twice() -> None:
    class Padded(nn.Module):
        def __init__(self, amounts: tuple[int, ...]) -> None:
            super().__init__()
            self.amounts = amounts
            self.first, self.second = nn.Conv2d(1, 2, 3, 2, 1), nn.Conv2d(2, 2, 3, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(nn.functional.pad(x, self.amounts)))

    plain = receptive_fields(Padded((0, 0, 0, 0)), (1, 24, 24))
    for amounts in ((0, 8, 0, 8), (0, 0, 0, 8), (0, 8, 0, 0)):
        field = receptive_fields(Padded(amounts), (1, 24, 24))
        for layer in ("first", "second"):
            assert (field[layer].size, field[layer].jump) == (plain[layer].size, plain[layer].jump), amounts
            assert field[layer].box(2, 3) == plain[layer].box(2, 3)


def test_the_rule_ends_when_its_time_is_over() -> None:
    skeleton = model_skeleton("resnet18")
    with pytest.raises(FieldTimeout, match="nodes in 0 s"):
        receptive_fields(skeleton, (3, 64, 64), seconds=0.0)
    with pytest.raises(FieldTimeout):
        layer_fields(skeleton, (3, 64, 64), seconds=0.0)
    assert len(layer_fields(skeleton, (3, 64, 64), seconds=600.0)) > 50


def test_R2_no_pixel_moves_an_index() -> None:
    class Largest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = conv(3)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x).argmax(dim=1, keepdim=True)

    heat = effective_receptive_field(Largest(), torch.rand(1, 8, 8), "argmax", 2, 2)
    assert heat.shape == (8, 8)
    assert not heat.any()
