"""Optimised pictures: the activation is a plain hook's, it rises, steering and stopping work."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from cnn.attribution.feature_visualization import (
    OUTPUT,
    Objective,
    VisualizationSettings,
    VisualizationStep,
    steered,
    visualization_steps,
)
from cnn.attribution.picture_parameters import PARAMETRISATIONS, PictureParameters, moved, turned
from cnn.hooks import captured
from cnn.models.registry import build_model

MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.3)
SHORT = VisualizationSettings(steps=24, every=8, rate=0.2, total_variation=0.02)


def small() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    ).eval()


def run(
    model: nn.Module, objective: Objective, settings: VisualizationSettings = SHORT
) -> list[VisualizationStep]:
    return list(
        visualization_steps(
            model=model, objective=objective, input_shape=(3, 24, 32), mean=MEAN, std=STD, settings=settings
        )
    )


def by_hook(model: nn.Module, layer: str, image: Tensor) -> Tensor:
    batch = (image.float() / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    with torch.no_grad(), captured(model, [layer]) as outputs:
        model(batch[None])
    return outputs[layer][0]


@pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
@pytest.mark.parametrize("decorrelated", [True, False])
def test_M12_the_picture_raises_the_channel_and_its_activation_is_a_plain_hooks(
    parametrisation: str, decorrelated: bool
) -> None:
    model = small()
    settings = replace(SHORT, parametrisation=parametrisation, decorrelated=decorrelated)
    records = run(model, Objective("3", 2), settings)
    assert [record.step for record in records] == [0, 8, 16, 24]
    for record in records:
        assert record.image.dtype == torch.uint8
        assert record.image.shape == (3, 24, 32)
        assert record.activation == pytest.approx(
            float(by_hook(model, "3", record.image)[2].mean()), abs=1e-5
        )
    assert records[-1].activation > records[0].activation + 0.05
    assert records[-1].history == tuple((r.step, r.activation) for r in records)


def test_one_unit_changes_only_what_it_sees() -> None:
    model = small()
    still = replace(SHORT, parametrisation="pixels", jitter=0, turn=0.0, total_variation=0.0)
    first, *_, last = run(model, Objective("3", 1, 2, 3), still)
    assert last.activation == pytest.approx(float(by_hook(model, "3", last.image)[1, 2, 3]), abs=1e-5)
    assert last.activation > first.activation
    changed = (first.image != last.image).any(dim=0).nonzero()
    # conv 5 stride 2, then 3: unit (2, 3) sees rows 4..12, columns 6..14
    assert changed.min(dim=0).values.tolist() >= [4, 6]
    assert changed.max(dim=0).values.tolist() <= [12, 14]


def test_a_class_becomes_more_probable() -> None:
    model = small()
    first, *_, last = run(model, Objective(OUTPUT, 3), replace(SHORT, steps=60))
    batch = (last.image.float() / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    logits = model(batch[None])[0].detach()
    assert last.activation == pytest.approx(float(logits[3]), abs=1e-5)
    assert last.probability == pytest.approx(float(logits.softmax(0)[3]), abs=1e-5)
    assert last.probability > first.probability


def test_the_same_seed_gives_the_same_picture_and_the_network_is_left_as_it_was() -> None:
    model = small().train()
    before = pickle.dumps(model.state_dict())
    one, other = (run(model, Objective("3", 0))[-1].image for _ in range(2))
    assert torch.equal(one, other)
    assert not torch.equal(one, run(model, Objective("3", 0), replace(SHORT, seed=1))[-1].image)
    assert model.training
    assert pickle.dumps(model.state_dict()) == before


def test_a_dead_channel_says_so_and_a_sleeping_one_is_woken() -> None:
    model = small()
    with torch.no_grad():
        model[3].weight[5] = 0
        model[3].bias[5] = -1
    (record,) = run(model, Objective("4", 5))
    assert (record.warning, record.activation) == ("silent", 0.0)
    assert run(model, Objective("4", 2))[-1].activation > 0


def test_nan_is_named() -> None:
    model = small()
    with torch.no_grad():
        model[3].weight[5] = torch.nan
    assert run(model, Objective("3", 5))[-1].warning in ("silent", "not_finite")


def test_steering_and_stopping() -> None:
    steps = visualization_steps(
        model=small(),
        objective=Objective("3", 2),
        input_shape=(3, 24, 32),
        mean=MEAN,
        std=STD,
        settings=SHORT,
    )
    assert next(steps).step == 0
    assert steps.send({"jitter": 0, "rate": 0.2}).step == 8
    with pytest.raises(StopIteration):
        steps.send({"stop": True})
    assert steered(SHORT, {"rate": 0.5, "jitter": 2, "junk": 1}) == replace(SHORT, rate=0.5, jitter=2)
    assert steered(SHORT, {"rate": float("nan")}) == SHORT
    assert steered(SHORT, {"jitter": "x"}) == SHORT


def test_gray_networks_and_real_ones() -> None:
    lenet = build_model("lenet5", seed=0)
    record = list(
        visualization_steps(
            model=lenet,
            objective=Objective(OUTPUT, 4),
            input_shape=(1, 32, 32),
            mean=(0.1,),
            std=(0.3,),
            settings=SHORT,
        )
    )[-1]
    assert record.image.shape == (1, 32, 32)
    assert record.probability is not None


@pytest.mark.parametrize(
    ("objective", "error"),
    [
        (Objective("nothing", 0), KeyError),
        (Objective("3", 8), IndexError),
        (Objective("3", 0, 99, 0), IndexError),
        (Objective("0", -1), IndexError),
    ],
)
def test_wrong_objectives_are_named(objective: Objective, error: type[Exception]) -> None:
    with pytest.raises(error):
        run(small(), objective)


@pytest.mark.parametrize(
    "wrong",
    [
        {"parametrisation": "x"},
        {"rate": 0.0},
        {"rate": float("inf")},
        {"steps": 0},
        {"jitter": -1},
        {"turn": -1.0},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        VisualizationSettings(**wrong)


def test_waves_weigh_alike_and_moves_stay_inside() -> None:
    parameters = PictureParameters((3, 16, 20), parametrisation="fourier", decorrelated=False, seed=1)
    waves = torch.view_as_complex(parameters.values.detach())
    picture = torch.zeros(3, 16, 20, dtype=torch.float64)
    rows, columns = torch.arange(16.0)[:, None], torch.arange(20.0)[None, :]
    for u in range(16):
        for v in range(11):
            frequency = max(((min(u, 16 - u) / 16) ** 2 + (v / 20) ** 2) ** 0.5, 1 / 20)
            angle = 2 * torch.pi * (u * rows / 16 + v * columns / 20)
            turns = torch.complex(angle.cos(), angle.sin())
            share = (1 if v in (0, 10) else 2) / (16 * 20) * (16 * 20) ** 0.5 / frequency
            picture += (waves[:, u, v, None, None] * turns).real * share
    torch.testing.assert_close(
        parameters.picture()[0].double(), (0.25 * picture).sigmoid(), rtol=1e-4, atol=1e-5
    )
    generator = torch.Generator().manual_seed(0)
    photo = torch.rand(1, 3, 16, 20, generator=generator)
    for _ in range(5):
        shifted = moved(photo, 4, generator)
        assert shifted.shape == photo.shape
        assert set(shifted.flatten().tolist()) <= set(photo.flatten().tolist())
    assert turned(photo, 10.0, 0.1, generator).shape == photo.shape
    assert turned(photo, 0.0, 0.0, generator) is photo
