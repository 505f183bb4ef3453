"""Scores a network that ships with the app: ``python -m cnn.training.evaluate NAME --data DIR [--split
test]``.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from cnn.training.packs import DataMissing
from cnn.training.recipes import RECIPES, recipe
from cnn.weights.builtin import BuiltinError, load_builtin


def evaluate(
    name: str, data: Path, split: str, *, device: torch.device | None = None, weights: Path | None = None
) -> dict[str, float]:
    """Scores of a shipped network on a split, the headline figure first, as torchmetrics measures them.

    Where the pack lacks the split, another one that is not for training is read.

    Raises:
        DataMissing: no such pack. BuiltinError: the weights are missing or damaged.
    """
    device = device or torch.device("cpu")
    task = recipe(name).task
    model = load_builtin(name, folder=weights) if weights else load_builtin(name)
    return task.scores(model.to(device), task.load(data, split), device)


def main(arguments: list[str] | None = None) -> int:
    """The command's entry: prints one figure; exit status 0, or 2 where the data or the weights are not
    there.
    """
    parser = argparse.ArgumentParser(prog="python -m cnn.training.evaluate", description=__doc__)
    parser.add_argument("name", choices=[r.name for r in RECIPES])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data packs")
    parser.add_argument(
        "--split", choices=("val", "test"), default="test", help="read another one where it is absent"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--weights", type=Path, default=None, help="folder of other weights than those that ship"
    )
    parser.add_argument("--all", action="store_true", help="every score, as JSON")
    options = parser.parse_args(arguments)
    try:
        scores = evaluate(
            options.name,
            options.data,
            options.split,
            device=torch.device(options.device),
            weights=options.weights,
        )
    except (DataMissing, BuiltinError) as error:
        print(error, file=sys.stderr)
        return 2
    headline, figure = next(iter(scores.items()))
    print(f"{options.name}: {headline}", file=sys.stderr)
    print(json.dumps(scores, indent=2) if options.all else f"{figure:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
