"""The jobs of one visit to /attribution: estimates on the way, the same end as a direct call, and when they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from app import network_jobs
from app.attribution_runs import AttributionRuns
from app.figures.networks import attribution_maps
from app.figures.networks.attribution import attribution_block
from app.figures.networks.attribution_maps import (
    FAST_METHODS,
    SLOW_METHODS,
    WINDOWS,
    AttributionSettings,
    AttributionView,
    attribution_view,
)
from app.open_models import OpenNetwork, open_network
from app.pictures import picture_of
from app.wire import unpack
from cnn.attribution.grad_cam import CAM_METHODS, cam_grid, suggested_layers
from cnn.attribution.measurements import HeatTask, measurement_steps
from cnn.attribution.pixels import attribution, occlusion_steps
from cnn.jobs import Job, JobOptions, LocalEngine, QueueFull, set_engine
from cnn.jobs.faults import JobFault

SESSION = "somebody"


@pytest.fixture(scope="module", autouse=True)
def engine() -> Iterator[LocalEngine]:
    own = LocalEngine()
    before = set_engine(own)
    yield own
    set_engine(before)
    own.shutdown()


@pytest.fixture(scope="module")
def network() -> OpenNetwork:
    return open_network("tiny-vgg", "")


@pytest.fixture
def view(network: OpenNetwork, request: pytest.FixtureRequest) -> AttributionView:
    """A view whose maps nobody has made yet, of a network that is taken for a slow one."""
    seen = attribution_view(network, picture_of(""), -1)
    return replace(seen, identity=f"{seen.identity} {request.node.name}", seconds=9.0)


def settings(method: str = "grad_cam", **more: Any) -> AttributionSettings:
    return AttributionSettings(method=method, window="fine", **more)


def message(action: str, methods: tuple[str, ...], wanted: AttributionSettings) -> dict[str, Any]:
    return {"action": action, "methods": list(methods), "settings": wanted.to_mapping()}


def asked(
    network: OpenNetwork, view: AttributionView, *methods: str, runs: AttributionRuns | None = None
) -> AttributionRuns:
    runs = runs or AttributionRuns(view.identity)
    wanted = settings(methods[0])
    runs.attend(wanted)
    runs.act(message("make", methods, wanted), network, view, wanted, SESSION)
    return runs


def job_of(runs: AttributionRuns) -> Job:
    assert runs.job is not None
    return runs.job


def block_of(
    network: OpenNetwork, view: AttributionView, runs: AttributionRuns, language: str = "en"
) -> tuple[dict[str, Any], dict[str, Any]]:
    header = {"words": {"language": language}}
    return unpack(attribution_block(header, network, picture_of(""), settings(), runs, view, known=()))


def held(runs: AttributionRuns) -> Job:
    """The job, stopped where it is so that a test can look at it."""
    job = job_of(runs)
    job.pause()
    assert not job.done
    return job


def test_maps_are_there_after_the_first_run_and_end_as_the_direct_call(
    network: OpenNetwork, view: AttributionView
) -> None:
    runs = asked(network, view, *SLOW_METHODS)
    job, seen, shares = job_of(runs), 0, []
    while not job.done and job.wait_record(after=seen, timeout=120) is not None:
        seen = job.index
        runs.collect(view)
        found = runs.maps["integrated_gradients"]
        shares.append(found.done / found.total)
        assert bool(found.heat.isfinite().all())
    assert job.state == "finished", job.error
    runs.collect(view)
    assert shares == sorted(shares)
    assert shares[0] < 1
    side = min(view.prepared.batch.shape[-2:]) // WINDOWS["fine"]
    for method in SLOW_METHODS:
        if method == "occlusion":
            *_, last = occlusion_steps(
                network.model, view.prepared.batch, view.target.index, window=side, stride=side // 2
            )
            wanted = last.heat
        else:
            wanted = attribution(method, network.model, view.prepared.batch, view.target.index).heat
        assert runs.maps[method].finished
        torch.testing.assert_close(runs.maps[method].heat, wanted, rtol=1e-3, atol=1e-5)
    again = AttributionRuns(view.identity)  # the same picture and class once more: nothing is made twice
    again.attend(settings("occlusion"))
    again.provide(network, view, settings(), SESSION)
    assert set(again.maps) >= set(SLOW_METHODS)
    assert again.job is None


def test_an_estimate_says_so_and_is_neither_tested_nor_downloaded(
    network: OpenNetwork, view: AttributionView
) -> None:
    runs = AttributionRuns(view.identity)
    first = next(
        measurement_steps(
            model=network.model, image=view.prepared.batch, target=0, tasks=[HeatTask("smooth_grad")]
        )
    )
    runs._take(view, first.results)
    block, arrays = block_of(network, view, runs)
    part = block["pixels"]["smooth_grad"]
    assert (part["done"], part["total"]) == (1, 32)
    assert arrays[part["array"]].shape == tuple(view.prepared.batch.shape[-2:])
    runs.act(message("measure", (), settings("smooth_grad")), network, view, settings("smooth_grad"), SESSION)
    assert runs.job is None


@pytest.mark.parametrize(
    "leave",
    [
        lambda runs: runs.attend(settings("grad_cam")),
        lambda runs: runs.attend(replace(settings("occlusion"), window="coarse")),
        lambda runs: runs.end(),
        lambda runs: runs.act({"action": "stop"}, None, None, settings("occlusion"), SESSION),
    ],
    ids=["another method", "other squares", "another picture", "stop"],
)
def test_what_nobody_looks_at_any_more_is_ended(
    network: OpenNetwork, view: AttributionView, leave: Callable[[AttributionRuns], None]
) -> None:
    runs = asked(network, view, "occlusion")
    job = held(runs)
    runs.attend(settings("occlusion"))
    assert not job.done
    leave(runs)
    assert job.state == "cancelled"
    assert runs.active == ()


def test_another_map_asked_for_takes_the_place_of_the_first(
    network: OpenNetwork, view: AttributionView
) -> None:
    runs = asked(network, view, "occlusion")
    first = held(runs)
    asked(network, view, "smooth_grad", runs=runs)
    assert first.state == "cancelled"
    assert runs.waiting == ("smooth_grad",)
    runs.attend(settings("smooth_grad"))
    assert not job_of(runs).done
    runs.end()


def test_all_three_go_on_while_one_looks_around(network: OpenNetwork, view: AttributionView) -> None:
    runs = asked(network, view, *SLOW_METHODS)
    job = held(runs)
    for method in ("grad_cam", "occlusion", "saliency"):
        runs.attend(settings(method))
    assert not job.done
    runs.end()


def test_the_job_ends_when_its_session_leaves(
    network: OpenNetwork, view: AttributionView, engine: LocalEngine
) -> None:
    runs = asked(network, view, "occlusion")
    job = held(runs)
    engine.leave(SESSION)
    assert job.wait(30) == "cancelled"


def test_of_a_slow_network_the_page_computes_nothing_itself(
    network: OpenNetwork, view: AttributionView
) -> None:
    passes: list[object] = []
    handle = register_module_forward_pre_hook(lambda *_: passes.append(1))
    runs = AttributionRuns(view.identity)
    runs.attend(settings("saliency"))
    wanted = settings("saliency", pixels=True, sanity=True)
    runs.provide(network, view, wanted, SESSION)
    handle.remove()
    assert not passes
    assert runs.besides is not None
    assert len(runs.active) == 1
    assert runs.besides.wait(120) == "finished", runs.besides.error
    runs.collect(view)
    assert set(runs.maps) == set(FAST_METHODS)
    quick = AttributionRuns("quick")
    quick.attend(wanted)
    quick.provide(network, replace(view, identity=view.identity + " quick", seconds=0.0), wanted, SESSION)
    assert quick.besides is None
    for method in FAST_METHODS:
        torch.testing.assert_close(runs.maps[method].heat, quick.maps[method].heat, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(runs.shuffled["saliency"], quick.shuffled["saliency"], rtol=1e-3, atol=1e-5)
    runs.provide(network, view, wanted, SESSION)
    assert runs.active == ()


def test_the_grid_of_a_slow_network_comes_by_the_job(
    network: OpenNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribution_maps, "QUICK", -1.0)
    cat = picture_of("cat")
    pending = attribution_view(network, cat, 3, patient=False)
    assert pending.pending
    assert pending.layers == ()
    assert pending.target.index == 3
    runs = AttributionRuns(pending.identity)
    block, _ = block_of(network, pending, runs)
    assert block["pending"]
    assert block["prediction"]["target"] == 3
    runs.provide(network, pending, settings(), SESSION)
    assert runs.coming == ("cams", *FAST_METHODS)
    assert runs.besides is not None
    assert runs.besides.wait(120) == "finished", runs.besides.error
    runs.collect(pending)
    found = attribution_view(network, cat, 3, patient=False)
    assert not found.pending
    layers = suggested_layers(network.model, found.prepared.batch)[::-1]
    assert found.layers == layers
    wanted = cam_grid(network.model, found.prepared.batch, layers, 3)
    for layer in layers:
        for method in CAM_METHODS:
            torch.testing.assert_close(
                found.grid[layer][method].raw, wanted[layer][method].raw, rtol=1e-3, atol=1e-5
            )
    runs.provide(network, found, settings(), SESSION)
    assert runs.active == ()


def test_a_full_queue_is_told_and_not_asked_again(
    network: OpenNetwork, view: AttributionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[JobOptions] = []

    def full(function: object, *, options: JobOptions, **_: object) -> Job:
        asked_for.append(options)
        raise QueueFull(20)

    monkeypatch.setattr(network_jobs, "submit", full)
    runs = AttributionRuns(view.identity)
    for _ in range(3):
        runs.provide(network, view, settings(pixels=True), SESSION)
    assert len(asked_for) == 1
    assert asked_for[0].session == SESSION
    assert runs.refused is not None
    assert "20" in runs.refused.text("en")
    with pytest.raises(QueueFull):
        asked(network, view, "saliency", runs=runs)


def test_a_network_too_large_for_a_worker_is_done_here(
    network: OpenNetwork, view: AttributionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_jobs, "MOST_BYTES", 10)
    network = replace(network, origin="own")
    runs = AttributionRuns(view.identity)
    runs.provide(network, view, settings(pixels=True), SESSION)
    assert runs.besides is None
    assert set(runs.maps) == set(FAST_METHODS)
    with pytest.raises(network_jobs.NetworkTooLarge):
        asked(network, view, "occlusion", runs=runs)


def test_a_network_too_large_for_a_message_is_made_by_the_worker(
    network: OpenNetwork, view: AttributionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = asked(network, view, "occlusion")
    assert job_of(direct).wait(120) == "finished"
    monkeypatch.setattr(network_jobs, "MOST_BYTES", 10)
    monkeypatch.setattr(network_jobs, "locked", None)  # nothing of the network itself is sent
    made = asked(network, view, "occlusion")
    assert job_of(made).wait(120) == "finished"
    ours, theirs = (block_of(network, view, runs, "en")[1] for runs in (made, direct))
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_failed_job_says_why_in_both_languages(network: OpenNetwork, view: AttributionView) -> None:
    broken = replace(view, target=replace(view.target, index=10_000))
    runs = asked(network, broken, "smooth_grad")
    assert job_of(runs).wait(120) == "failed"
    assert isinstance(job_of(runs).error, JobFault)
    for language, word in (("en", "could not go on"), ("ko", "계속할 수 없습니다")):
        block, _ = block_of(network, view, runs, language)
        assert word in block["job"]["error"]
        assert block["job"]["tasks"] == []
