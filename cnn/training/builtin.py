"""Trains a network that ships with the app: ``python -m cnn.training.builtin NAME --data DIR``."""

import argparse
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from tqdm import tqdm

from cnn.training.engine import Trainer, load_checkpoint, save_checkpoint, shortened
from cnn.training.packs import DataMissing, pack
from cnn.training.recipes import RECIPES, Recipe, recipe
from cnn.weights.builtin import WEIGHTS_FOLDER, builtin_record, card, load_builtin, restored


def new_trainer(
    chosen: Recipe,
    *,
    device: torch.device,
    epochs: int = 0,
    seed: int | None = None,
    start: Path | None = None,
) -> Trainer:
    """The recipe's network at the start of its training; `epochs` other than 0 shortens the schedule.

    `start` is a safetensors file whose fitting tensors come first, instead of those of `chosen.start_from`.
    """
    seed = chosen.seed if seed is None else seed
    build = builtin_record(chosen.name).build
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model, averaged = build(), build()
    if start:
        copy_fitting(model, restored(load_file(start)))
    elif chosen.start_from:
        copy_fitting(model, load_builtin(chosen.start_from).state_dict())
    schedule = shortened(chosen.schedule, epochs) if epochs else chosen.schedule
    return Trainer(model, averaged, chosen.task, schedule, seed=seed, device=device)


def copy_fitting(model: nn.Module, weights: dict[str, Tensor]) -> int:
    """Copies the tensors whose name and shape the model has too; returns how many."""
    own = model.state_dict()
    fitting = {
        name: value for name, value in weights.items() if name in own and own[name].shape == value.shape
    }
    model.load_state_dict({**own, **fitting})
    return len(fitting)


def mean_weights(runs: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several runs' tensors in float32; whole numbers (batch counters) are the first run's.

    Source: Wortsman et al. 2022, "Model soups".

    Raises:
        ValueError: the runs do not have the same names.
    """
    first = restored(runs[0])
    others = [restored(run) for run in runs[1:]]
    if any(other.keys() != first.keys() for other in others):
        raise ValueError("expected runs of one network, got other names of tensors")
    return {
        name: torch.stack([value, *(other[name] for other in others)]).mean(0)
        if value.is_floating_point()
        else value
        for name, value in first.items()
    }


def stored(model: nn.Module, *, half: bool) -> dict[str, Tensor]:
    """The state dict as it goes to disk: contiguous, convolution and linear weights in half precision where
    wanted.
    """
    return {
        name: (value.half() if half and value.ndim > 1 else value).contiguous().cpu()
        for name, value in model.state_dict().items()
    }


def write_model(
    chosen: Recipe,
    trainer: Trainer,
    scores: dict[str, float],
    folder: Path,
    *,
    started_from: str = "",
) -> None:
    """Writes ``NAME.safetensors`` and its card ``NAME.json``, each beside and renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = save(stored(trainer.averaged, half=chosen.half))
    schedule = trainer.schedule
    content = {
        "name": chosen.name,
        "task": builtin_record(chosen.name).task,
        "trained_on": chosen.folder,
        "data_licence": pack(chosen.folder).licence,
        "started_from": started_from or chosen.start_from or "random weights",
        "command": f"python -m cnn.training.builtin {chosen.name} --data DIR",
        "seed": trainer.seed,
        "epochs": schedule.epochs,
        "minutes": round(trainer.seconds / 60, 1),
        "scores": {f"val {name}": round(value, 4) for name, value in scores.items()},
        "parameters": sum(p.numel() for p in trainer.averaged.parameters()),
        "not_for": chosen.not_for,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    _write(folder / f"{chosen.name}.safetensors", weights)
    _write_card(content, folder)


def without_start(chosen: Recipe) -> Recipe:
    """The same recipe from random weights, everything learning from the first step."""
    return replace(chosen, start_from="", schedule=replace(chosen.schedule, head_epochs=0))


def add_to_card(name: str, folder: Path, scores: dict[str, float]) -> None:
    """Adds scores to the card that lies in the folder. Raises BuiltinError where there is none."""
    content = card(name, folder=folder)
    content["scores"] |= {score: round(value, 4) for score, value in scores.items()}
    _write_card(content, folder)


def _write_card(content: dict[str, Any], folder: Path) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    _write(folder / f"{content['name']}.json", text.encode())


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f"{path.name}.part")
    beside.write_bytes(content)
    beside.replace(path)


def train(chosen: Recipe, trainer: Trainer, data: Path, checkpoint: Path) -> dict[str, float]:
    """Trains to the end of the schedule, from the checkpoint where there is one; the validation scores."""
    if checkpoint.is_file():
        load_checkpoint(trainer, checkpoint)
    pictures = chosen.task.load(data, "train")
    bar = tqdm(trainer.run(pictures), total=trainer.schedule.epochs, initial=trainer.epoch, desc=chosen.name)
    for record in bar:
        save_checkpoint(trainer, checkpoint)
        bar.set_postfix(loss=f"{record.loss:.4f}")
    return chosen.task.scores(trainer.averaged.eval(), chosen.task.load(data, "val"), trainer.device)


def main(arguments: list[str] | None = None) -> int:
    """The command's entry: exit status 0, or 2 where the data are not there."""
    parser = argparse.ArgumentParser(prog="python -m cnn.training.builtin", description=__doc__)
    parser.add_argument("name", choices=[r.name for r in RECIPES])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data packs")
    parser.add_argument("--output", type=Path, default=WEIGHTS_FOLDER, help="where weights and card go")
    parser.add_argument(
        "--checkpoints", type=Path, default=Path("build/training"), help="where a stopped run resumes"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0 for torch's own choice")
    parser.add_argument("--epochs", type=int, default=0, help="instead of the recipe's, for a trial")
    parser.add_argument("--seed", type=int, default=None, help="instead of the recipe's")
    parser.add_argument(
        "--start", type=Path, default=None, help="safetensors to start from, not the recipe's"
    )
    parser.add_argument(
        "--from-scratch", action="store_true", help="only add the figure without a start to the card"
    )
    parser.add_argument(
        "--mean-of",
        type=Path,
        nargs="+",
        default=(),
        help="train nothing: take the mean of these runs' safetensors (Wortsman et al. 2022, Model soups)",
    )
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    chosen = without_start(recipe(options.name)) if options.from_scratch else recipe(options.name)
    checkpoint = options.checkpoints / f"{chosen.name}{'-scratch' if options.from_scratch else ''}.pt"
    trainer = new_trainer(
        chosen,
        device=torch.device(options.device),
        epochs=options.epochs,
        seed=options.seed,
        start=options.start,
    )
    try:
        if options.mean_of:
            trainer.averaged.load_state_dict(mean_weights([load_file(path) for path in options.mean_of]))
            pictures = chosen.task.load(options.data, "val")
            scores = chosen.task.scores(trainer.averaged.eval(), pictures, trainer.device)
        else:
            scores = train(chosen, trainer, options.data, checkpoint)
    except DataMissing as error:
        print(error, file=sys.stderr)
        return 2
    if options.from_scratch:
        add_to_card(chosen.name, options.output, {f"val {n} from scratch": v for n, v in scores.items()})
    else:
        runs = f"the mean of {len(options.mean_of)} runs" if options.mean_of else ""
        begun = runs or (options.start.stem if options.start else "")
        write_model(chosen, trainer, scores, options.output, started_from=begun)
    print(f"{chosen.name}: " + ", ".join(f"val {name} {value:.4f}" for name, value in scores.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
