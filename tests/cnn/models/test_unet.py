import pytest
import torch

from cnn.models.unet import SeparableResidual, SeparableUNet, UNet


@pytest.mark.parametrize("network", [UNet, SeparableUNet])
@pytest.mark.parametrize(("height", "width", "stem_stride"), [(64, 64, 1), (45, 83, 2), (7, 9, 2)])
def test_M10_the_logits_have_the_size_of_the_picture(network, height, width, stem_stride):
    model = network(3, 5, widths=(4, 8, 12), stem_stride=stem_stride, depths=(1, 2, 1)).eval()
    assert model(torch.zeros(2, 3, height, width)).shape == (2, 5, height, width)


def test_S2_a_skip_that_is_off_carries_zeros():
    model = UNet(1, 2, widths=(4, 8, 12)).eval()
    seen = []
    for merge in model.merge:
        merge.register_forward_pre_hook(lambda m, args: seen.append(args[0].clone()))
    x = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        whole = model(x)
        part = model.with_skips(x, (True, False))
        first_deep, first_fine, second_deep, second_fine = seen
        assert second_deep[:, :8].abs().max() == 0  # the deep skip is off: the first half of the channels
        assert torch.equal(second_deep[:, 8:], first_deep[:, 8:])
        assert torch.equal(second_fine[:, :4], first_fine[:, :4])
        assert not torch.equal(whole, part)
        model.skips = (True, False)
        torch.testing.assert_close(model(x), part, rtol=0, atol=0)


def test_M10_separable_blocks_have_the_parameters_of_a_hand_count():
    block = SeparableResidual(6, 10)
    depthwise, pointwise, norms = 6 * 9 + 10 * 9, 6 * 10 + 10 * 10, 2 * 2 * 10
    assert sum(p.numel() for p in block.parameters()) == depthwise + pointwise + norms + (6 * 10 + 20)


def test_widths_and_depths_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="depth for each"):
        UNet(1, 2, widths=(4, 8), depths=(1,))
