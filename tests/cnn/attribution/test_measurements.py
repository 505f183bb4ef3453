"""Slow measurements as one stream, shuffled weights and rank correlation, against direct calls and hand-made numbers."""

from __future__ import annotations

import pytest
import torch

from cnn.attribution.faithfulness import faithfulness_steps
from cnn.attribution.grad_cam import CAM_METHODS, cam_grid, grad_cams
from cnn.attribution.measurements import PASS_METHODS, CurveTask, HeatTask, ShuffledTask, measurement_steps
from cnn.attribution.pixels import attribution, occlusion_steps
from cnn.attribution.sanity import rank_correlation, shuffled_weights
from cnn.models.registry import build_model


def photo() -> torch.Tensor:
    return torch.randn(1, 3, 48, 48, generator=torch.Generator().manual_seed(1))


def test_every_task_gives_what_the_direct_call_gives() -> None:
    model = build_model("tiny_vgg", num_classes=4, seed=1)
    heat = torch.rand(48, 48, generator=torch.Generator().manual_seed(2))
    tasks = (
        HeatTask("integrated_gradients", samples=6),
        HeatTask("occlusion", window=16, stride=16),
        CurveTask("map", heat, steps=4),
    )
    records = list(measurement_steps(model=model, image=photo(), target=2, tasks=tasks))
    assert [record.step for record in records] == sorted(record.step for record in records)
    assert records[-1].step == records[-1].steps == 300
    found = records[-1].results
    assert all(result.finished for result in found.values())
    wanted = attribution("integrated_gradients", model, photo(), 2, steps=6)
    torch.testing.assert_close(found["integrated_gradients"].heat, wanted.heat)
    assert found["integrated_gradients"].gap == pytest.approx(wanted.gap)
    *_, last = occlusion_steps(model, photo(), 2, window=16, stride=16)
    torch.testing.assert_close(found["occlusion"].heat, last.heat)
    curve = list(faithfulness_steps(model, photo(), heat, 2, steps=4))
    assert found["map"].curve == tuple((s.fraction, s.deletion, s.insertion) for s in curve)
    assert found["map"].areas == (curve[-1].deletion_area, curve[-1].insertion_area)


def test_each_run_is_told_and_the_gradient_is_taken_once() -> None:
    model = build_model("tiny_vgg", num_classes=4, seed=1)
    layer = "block2.3"
    tasks = (
        *(HeatTask(name) for name in PASS_METHODS),
        HeatTask("smooth_grad", samples=3),
        ShuffledTask("saliency", "saliency"),
        ShuffledTask("cam", "grad_cam", layer),
    )
    passes: list[int] = []
    handle = model.register_forward_pre_hook(lambda *_: passes.append(1))
    stream = measurement_steps(model=model, image=photo(), target=2, tasks=tasks)
    both = [next(stream), next(stream)][-1].results
    handle.remove()
    assert len(passes) == 1
    assert set(both) == {"saliency", "input_x_gradient"}
    records = list(stream)
    shares = [r.results["smooth_grad"].done for r in records if "smooth_grad" in r.results]
    assert shares == [1, 2, 3, 3, 3]
    found = records[-1].results
    for method in (*PASS_METHODS, "smooth_grad"):
        wanted = attribution(method, model, photo(), 2, steps=3)
        torch.testing.assert_close(found[method].heat, wanted.heat)
        assert found[method].signed == wanted.signed
    shuffled = shuffled_weights(model)
    assert found["shuffled saliency"].shuffled
    torch.testing.assert_close(
        found["shuffled saliency"].heat, attribution("saliency", shuffled, photo(), 2).heat
    )
    cam = grad_cams(shuffled, photo(), [layer], 2)[layer].raw
    torch.testing.assert_close(found["shuffled cam"].heat, cam)


def test_unknown_tasks_are_named() -> None:
    with pytest.raises(ValueError, match="occlusion"):
        next(measurement_steps(model=build_model("tiny_vgg"), image=photo(), target=0, tasks=[HeatTask("x")]))


def test_the_grid_of_methods_is_each_method_alone() -> None:
    model = build_model("resnet18", num_classes=5)
    layers = ["layer2", "layer4"]
    grid = cam_grid(model, photo(), layers, 1)
    for method in CAM_METHODS:
        alone = grad_cams(model, photo(), layers, 1, method=method)
        for layer in layers:
            torch.testing.assert_close(grid[layer][method].raw, alone[layer].raw)
            assert grid[layer][method].warning == alone[layer].warning
    with pytest.raises(ValueError, match="grad_cam"):
        cam_grid(model, photo(), layers, 1, ["x"])


def test_shuffled_weights_keep_the_numbers_and_change_the_network() -> None:
    model = build_model("tiny_vgg", num_classes=4, seed=1)
    copied, again = shuffled_weights(model, seed=3), shuffled_weights(model, seed=3)
    for (name, was), now, twice in zip(
        model.named_parameters(), copied.parameters(), again.parameters(), strict=True
    ):
        assert torch.equal(was.flatten().sort().values, now.flatten().sort().values), name
        assert torch.equal(now, twice)
    assert not torch.allclose(model(photo()), copied(photo()))


def test_rank_correlation_by_hand() -> None:
    ramp = torch.arange(12.0).view(3, 4)
    assert rank_correlation(ramp, ramp.exp()) == pytest.approx(1)
    assert rank_correlation(ramp, -ramp) == pytest.approx(-1)
    assert rank_correlation(ramp, torch.zeros(3, 4)) == 0
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4
    assert rank_correlation(
        torch.tensor([1.0, 2.0, 2.0, 9.0]), torch.tensor([0.0, 1.0, 2.0, 3.0])
    ) == pytest.approx(4.5 / (4.5 * 5) ** 0.5)
    with pytest.raises(ValueError, match="one size"):
        rank_correlation(ramp, torch.zeros(2))
