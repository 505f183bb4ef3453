import pytest
import torch
from torch import nn

from cnn.models.imagenette_resnet import ImagenetteResNet, ResidualBlock
from cnn.models.tiny_vgg import TinyVGG


@pytest.mark.parametrize(("height", "width"), [(160, 160), (128, 128), (63, 97), (33, 32)])
def test_it_reads_any_size_odd_ones_too(height, width):
    model = ImagenetteResNet().eval()
    with torch.inference_mode():
        assert model(torch.zeros(2, 3, height, width)).shape == (2, 10)


def test_it_has_at_most_1_5_million_parameters_and_the_small_vgg_60_thousand():
    assert sum(p.numel() for p in ImagenetteResNet().parameters()) <= 1_500_000
    assert sum(p.numel() for p in TinyVGG().parameters()) <= 60_000


def test_M4_a_block_with_zero_weights_is_the_identity_on_what_a_relu_gives():
    block = ResidualBlock(4, 4).eval()
    nn.init.zeros_(block.conv1.weight)
    nn.init.zeros_(block.conv2.weight)
    x = torch.rand(1, 4, 6, 6)
    torch.testing.assert_close(block(x), x, rtol=0, atol=0)


def test_M4_a_block_adds_its_input_before_the_last_relu():
    block = ResidualBlock(3, 3).eval()
    nn.init.normal_(block.bn2.weight)
    x = torch.randn(2, 3, 5, 5)
    z = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
    torch.testing.assert_close(block(x), torch.relu(z + x))


def test_M4_the_plain_twin_has_the_same_convolutions_but_those_of_the_shortcuts():
    def convolutions(model: nn.Module) -> list[str]:
        return [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d) and "shortcut" not in n]

    plain = ImagenetteResNet(shortcuts=False)
    assert convolutions(plain) == convolutions(ImagenetteResNet())
    assert not [name for name, _ in plain.named_parameters() if "shortcut" in name]


def test_a_wrong_number_of_widths_is_refused():
    with pytest.raises(ValueError, match="one width"):
        ImagenetteResNet(widths=(8, 16), depths=(1, 1))


def test_every_map_of_the_small_vgg_fits_a_screen():
    sizes = []
    model = TinyVGG().eval()
    for block in (model.block1, model.block2, model.block3, model.block4):
        block.register_forward_hook(lambda m, i, o: sizes.append(tuple(o.shape[1:])))
    model(torch.zeros(1, 3, 64, 64))
    assert sizes == [(12, 32, 32), (16, 16, 16), (32, 8, 8), (48, 4, 4)]
