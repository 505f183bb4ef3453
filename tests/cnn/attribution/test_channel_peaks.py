"""The patches that excite a channel, against a slow loop with plain hooks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnn.attribution.channel_peaks import PeakStep, cut_out, peak_steps
from cnn.convolution.receptive_field import receptive_fields
from cnn.hooks import captured
from cnn.models.registry import build_model

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def pictures(count: int = 7, side: int = 40) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)


def network() -> nn.Module:
    return build_model("imagenette_resnet", num_classes=5, seed=2)


@pytest.mark.parametrize("layer", ["stage1.1.relu2", "stem.0", "head", ""])
def test_M12_peaks_are_those_of_a_slow_loop(layer: str) -> None:
    model, given = network(), pictures()
    *_, found = peak_steps(model=model, pictures=given, layer=layer, mean=MEAN, std=STD, batch_size=3)
    rows = []
    for picture in given:
        with torch.no_grad(), captured(model, [layer or "head"]) as outputs:
            model((picture[None].float() / 255 - 0.5) / 0.25)
        rows.append(outputs[layer or "head"][0])
    for channel in (0, 3):
        slow = []
        for number, output in enumerate(rows):
            best = (-float("inf"), 0, 0)
            plane = output[channel] if output.ndim == 3 else output[channel].view(1, 1)
            for row in range(plane.shape[0]):
                for column in range(plane.shape[1]):
                    if float(plane[row, column]) > best[0]:
                        best = (float(plane[row, column]), row, column)
            slow.append((number, *best))
        slow.sort(key=lambda entry: -entry[1])
        for peak, (number, value, row, column) in zip(found.strongest(channel, 4), slow, strict=False):
            assert (peak.picture, peak.row, peak.column) == (number, row, column)
            assert peak.value == pytest.approx(value, abs=1e-4)


def test_M12_the_patch_alone_gives_the_value_when_its_field_lies_inside() -> None:
    model, given = network(), pictures(side=96)
    layer = "stage1.0.conv1"
    *_, found = peak_steps(model=model, pictures=given, layer=layer, mean=MEAN, std=STD)
    field = receptive_fields(model, (3, 96, 96))[layer]
    for channel in range(4):
        for peak in found.strongest(channel, 3):
            part, corner = cut_out(given[peak.picture], field.box(peak.row, peak.column))
            changed = given[peak.picture].clone()
            x1, y1, x2, y2 = field.visible_box(peak.row, peak.column)
            assert part.shape[1:] == (y2 - y1, x2 - x1)
            inside = changed[:, y1:y2, x1:x2].clone()
            changed.zero_()
            changed[:, y1:y2, x1:x2] = inside
            with torch.no_grad(), captured(model, [layer]) as outputs:
                model((changed[None].float() / 255 - 0.5) / 0.25)
            assert float(outputs[layer][0, channel, peak.row, peak.column]) == pytest.approx(
                peak.value, abs=1e-4
            )
            assert min(corner) >= 0


def test_progress_grows_and_the_first_of_equal_places_is_taken() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 1)).eval()
    nn.init.zeros_(model[0].weight)
    steps = list(peak_steps(model=model, pictures=pictures(5), layer="0", mean=MEAN, std=STD, batch_size=2))
    assert [(s.step, s.steps, len(s.values)) for s in steps] == [(1, 3, 2), (2, 3, 4), (3, 3, 5)]
    assert [(p.picture, p.row, p.column) for p in steps[-1].strongest(1, 3)] == [
        (0, 0, 0),
        (1, 0, 0),
        (2, 0, 0),
    ]


def test_nan_comes_last() -> None:
    step = PeakStep(
        1, 1, (1, 1), torch.tensor([[torch.nan], [1.0], [2.0]]), torch.zeros(3, 1, dtype=torch.long)
    )
    assert [peak.picture for peak in step.strongest(0)] == [2, 1, 0]


def test_what_cannot_be_done_is_named() -> None:
    with pytest.raises(ValueError, match="at least one"):
        next(peak_steps(model=network(), pictures=pictures(0), layer="stem.0", mean=MEAN, std=STD))
    with pytest.raises(KeyError):
        next(peak_steps(model=network(), pictures=pictures(1), layer="nothing", mean=MEAN, std=STD))
    with pytest.raises(IndexError, match="channel"):
        next(peak_steps(model=network(), pictures=pictures(1), layer="stem.0", mean=MEAN, std=STD)).strongest(
            99
        )
    with pytest.raises(ValueError, match="meets the picture"):
        cut_out(pictures(1)[0], (-9, -9, 0, 0))
