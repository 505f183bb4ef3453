"""Every recipe end to end on tiny packs: it learns, resumes to the bit, ships, and is scored."""

from dataclasses import replace

import pytest
import torch

from cnn.training import builtin, evaluate
from cnn.training.engine import load_checkpoint, save_checkpoint
from cnn.training.packs import DataMissing
from cnn.training.recipes import RECIPES, Recipe, recipe
from cnn.weights.builtin import BUILTIN, card, load_builtin
from tests.cnn.training import packs_for_tests as packs

CPU = torch.device("cpu")
KINDS = (
    "lenet5-mnist",
    "tiny-vgg",
    "yolo-cells",
    "unet-membrane",
    "unet-street",
    "faces-siamese",
    "omniglot-siamese",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    packs.write_all(folder, ("train", "val"))
    return folder


def short(name: str, epochs: int = 2) -> Recipe:
    """The recipe with small batches, few steps, float32, and nothing to start from."""
    chosen = recipe(name)
    task = chosen.task
    if hasattr(task, "steps_per_epoch"):
        task = replace(task, steps_per_epoch=2)
    if hasattr(task, "repeats"):
        task = replace(task, repeats=1)
    if hasattr(task, "crop") and isinstance(task.crop, tuple) and task.crop[0] > 64:
        task = replace(task, crop=(64, 64))
    if hasattr(task, "canvas"):
        task = replace(task, canvas=(64, 96))
    schedule = replace(chosen.schedule, epochs=epochs, batch_size=4, bfloat16=False, head_epochs=0)
    return replace(chosen, task=task, schedule=schedule, start_from="")


def final_weights(chosen: Recipe, data, folder, *, stop_after: int | None = None) -> dict[str, torch.Tensor]:
    trainer = builtin.new_trainer(chosen, device=CPU)
    pictures = chosen.task.load(data, "train")
    for record in trainer.run(pictures):
        if record.epoch == stop_after:
            save_checkpoint(trainer, folder / "stopped.pt")
            trainer = builtin.new_trainer(chosen, device=CPU)
            load_checkpoint(trainer, folder / "stopped.pt")
            list(trainer.run(pictures))
            break
    return trainer.averaged.state_dict()


def test_there_is_one_recipe_for_every_record():
    shipped = [r.name for r in RECIPES if r.name in {b.name for b in BUILTIN}]
    assert sorted(shipped) == sorted(b.name for b in BUILTIN)


@pytest.mark.parametrize("name", KINDS)
def test_a_resumed_run_gives_the_weights_of_one_that_was_not_stopped(name, data, tmp_path):
    chosen = short(name)
    whole = final_weights(chosen, data, tmp_path)
    resumed = final_weights(chosen, data, tmp_path, stop_after=1)
    for key, value in whole.items():
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=0, msg=key)


@pytest.mark.parametrize("name", ["lenet5-mnist", "tiny-vgg", "yolo-cells", "unet-membrane", "faces-siamese"])
def test_the_loss_falls_on_a_batch_seen_again_and_again(name, data):
    chosen = short(name)
    trainer = builtin.new_trainer(chosen, device=CPU)
    generator = torch.Generator().manual_seed(0)
    batch = next(iter(chosen.task.batches(chosen.task.load(data, "train"), 8, 0.9, generator)))
    optimizer = torch.optim.Adam(trainer.model.parameters(), lr=2e-3)
    losses = []
    trainer.model.train()
    for _ in range(12):
        loss = chosen.task.loss(trainer.model, batch, CPU)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("name", KINDS)
def test_the_commands_train_ship_and_score(name, data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(builtin, "recipe", short)
    where = ["--output", str(tmp_path), "--checkpoints", str(tmp_path / "checkpoints"), "--device", "cpu"]
    assert builtin.main([name, "--data", str(data), "--epochs", "1", *where]) == 0
    assert "val" in capsys.readouterr().out
    assert evaluate.main([name, "--data", str(data), "--weights", str(tmp_path), "--device", "cpu"]) == 0
    figure = float(capsys.readouterr().out)
    assert 0 <= figure <= 1
    card_scores = card(name, folder=tmp_path)["scores"]
    assert next(iter(card_scores.values())) == pytest.approx(figure, abs=0.02)
    model = load_builtin(name, folder=tmp_path)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_the_figure_from_scratch_goes_beside_the_other_in_the_card(data, tmp_path, monkeypatch):
    monkeypatch.setattr(builtin, "recipe", short)
    where = ["--output", str(tmp_path), "--checkpoints", str(tmp_path / "checkpoints"), "--device", "cpu"]
    arguments = ["lenet5-mnist", "--data", str(data), "--epochs", "1", *where]
    assert builtin.main(arguments) == 0
    before = card("lenet5-mnist", folder=tmp_path)
    assert builtin.main([*arguments, "--from-scratch"]) == 0
    after = card("lenet5-mnist", folder=tmp_path)
    assert set(after["scores"]) == {"val accuracy", "val accuracy from scratch"}
    assert after["sha256"] == before["sha256"]


def test_missing_data_are_told_in_one_sentence_with_status_2(tmp_path, capsys):
    arguments = [
        "--data",
        str(tmp_path),
        "--output",
        str(tmp_path),
        "--checkpoints",
        str(tmp_path),
        "--device",
        "cpu",
    ]
    assert builtin.main(["fashion-cnn", *arguments]) == 2
    message = capsys.readouterr().err
    assert "torchvision.datasets.FashionMNIST" in message
    assert "Traceback" not in message
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_there_are_told_with_status_2(data, tmp_path, capsys):
    assert (
        evaluate.main(["lenet5-mnist", "--data", str(data), "--weights", str(tmp_path), "--device", "cpu"])
        == 2
    )
    assert "lenet5-mnist" in capsys.readouterr().err


def test_the_validation_pictures_stay_out_of_training(tmp_path):
    packs.digits(tmp_path, ("val",))
    with pytest.raises(DataMissing, match="train"):
        recipe("lenet5-mnist").task.load(tmp_path, "train")


def test_a_head_alone_learns_while_the_rest_is_frozen(data):
    chosen = short("flowers-transfer", epochs=1)
    chosen = replace(chosen, schedule=replace(chosen.schedule, head_epochs=1, weight_decay=0.0))
    trainer = builtin.new_trainer(chosen, device=CPU)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    list(trainer.run(chosen.task.load(data, "train")))
    changed = {
        name for name, value in trainer.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"head.weight", "head.bias"}


def test_the_mean_of_runs_is_the_mean_of_their_tensors() -> None:
    runs = [
        {"w": torch.full((2, 3), float(n), dtype=torch.float16), "count": torch.tensor(n)} for n in (1, 2, 6)
    ]
    mean = builtin.mean_weights(runs)
    assert torch.equal(mean["w"], torch.full((2, 3), 3.0))
    assert int(mean["count"]) == 1
    with pytest.raises(ValueError, match="other names"):
        builtin.mean_weights([runs[0], {"w": runs[1]["w"]}])
