"""The transfer-learning screen's code gives the screen's numbers; its networks are of one session only."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
import torch

from app.figures.networks.transfer_learning import card, history_csv, top_three
from app.figures.networks.transfer_learning_files import _npz, pytorch_code
from app.session_models import MODELS_PER_SESSION, SessionModels
from app.transfer_runs import Runs, StageRun
from cnn.jobs import Job, JobOptions
from cnn.networks.transfer_learning import TransferSettings, transfer_steps
from cnn.networks.transfer_model import backbones, built_classifier, inputs
from cnn.networks.transfer_pictures import flowers
from tests.cnn.networks.test_transfer_learning import TINY, shades


@pytest.mark.parametrize("switches", [(), ("mirror",)])
def test_the_code_prints_the_screens_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switches: tuple[str, ...]
) -> None:
    data = flowers()
    few = torch.arange(0, 300, 15)
    small = type(data)(data.pictures[few], data.labels[few], few % 2 == 0, data.categories)
    settings = {
        "head": TransferSettings("head", 3, 0.01, switches),
        "fine": TransferSettings("fine", 2, 3e-4),
    }
    arrays = {"pictures": small.pictures, "labels": small.labels, "held_out": small.held_out}
    *_, last = transfer_steps(settings=settings["head"], backbone=TINY, classes=5, **arrays)
    monkeypatch.chdir(tmp_path)
    Path("features.npz").write_bytes(_npz(TINY, settings["head"], small, ""))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(pytorch_code(settings, small), "code", "exec"), {})
    numbers = [[float(word) for word in line.split()] for line in printed.getvalue().splitlines()]
    for (epoch, loss, accuracy), scores in zip(numbers, last.history[1:], strict=True):
        assert epoch == scores.epoch
        assert loss == pytest.approx(scores.loss, rel=1e-4)
        assert accuracy == pytest.approx(scores.accuracy)


def test_top_three_are_the_largest_in_order() -> None:
    assert top_three(torch.tensor([0.1, 0.5, 0.15, 0.25]), ("a", "b", "c", "d"))[0] == ("b", 0.5)
    assert [name for name, _ in top_three(torch.tensor([0.4, 0.6]), ("a", "b"))] == ["b", "a"]


def test_csv_has_a_row_for_each_epoch() -> None:
    *_, last = transfer_steps(settings=TransferSettings("head", 2, 0.1), backbone=TINY, classes=2, **shades())
    runs = Runs("flowers", TINY)
    job = Job("transfer_steps", JobOptions(), None)  # type: ignore[arg-type]
    runs.stages["head"] = StageRun(TransferSettings("head", 2, 0.1), job, "", last)
    lines = history_csv(runs).decode().splitlines()
    assert lines[0].startswith("stage,epoch")
    assert [line.split(",")[:2] for line in lines[1:]] == [["head", "0"], ["head", "1"], ["head", "2"]]


def test_card_is_a_picture() -> None:
    drawn = card(torch.zeros(1, 50, 70, dtype=torch.uint8))
    assert drawn.shape == (240, 320, 3)
    assert drawn.std() > 20


def test_a_sessions_networks_are_its_own_bounded_and_run() -> None:
    models = SessionModels()
    state = built_classifier(TINY, 2, None, seed=5).state_dict()
    made = [models.add("mine", "head", TINY, ("cat", "dog"), state) for _ in range(MODELS_PER_SESSION + 2)]
    assert [m.key for m in models.of_session("mine")] == [m.key for m in reversed(made[2:])]
    assert models.get("mine", made[-1].key) is made[-1]
    assert models.get("other", made[-1].key) is None
    assert models.of_session("other") == ()
    x = inputs(shades()["pictures"], TINY)
    wanted = built_classifier(TINY, 2, state).eval()
    with torch.no_grad():
        assert torch.equal(made[-1].build()(x), wanted(x))
    assert "cat, dog" in made[-1].name("en")


def test_all_sessions_together_are_bounded() -> None:
    state = built_classifier(backbones()[-1], 2, None).state_dict()
    models = SessionModels(total_bytes=12_000_000)
    for session in "abc":
        models.add(session, "head", backbones()[-1], ("a", "b"), state)
    assert models.of_session("a") == ()
    assert len(models.of_session("c")) == 1
