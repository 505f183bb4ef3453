"""Downloads and code of the transfer-learning screen."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np

from app.figures.networks.transfer_learning import history_csv
from app.session_models import SESSION_MODELS
from app.transfer_runs import Runs
from cnn.networks.transfer_learning import BATCH, TransferSettings, feature_arrays
from cnn.networks.transfer_model import Backbone
from cnn.networks.transfer_pictures import LabelledPictures


def files(
    runs: Runs, settings: TransferSettings, data: LabelledPictures, session: str
) -> tuple[tuple[str, str, Callable[[], bytes], str], ...]:
    """Return (label id, file name, its maker, MIME type) of what can be taken away."""
    listed: list[tuple[str, str, Callable[[], bytes], str]] = []
    if any(run.last for run in runs.stages.values()):
        listed.append(("history", "history.csv", lambda: history_csv(runs), "text/csv"))
    for stage, run in runs.ordered():
        if run is not None and run.model is not None:
            content = run.model.file
            listed.append(
                (stage, f"{stage}.safetensors", lambda content=content: content, "application/octet-stream")
            )
    listed.append(
        (
            "features",
            "features.npz",
            lambda: _npz(runs.backbone, settings, data, session),
            "application/octet-stream",
        )
    )
    return tuple(listed)


def _npz(backbone: Backbone, settings: TransferSettings, data: LabelledPictures, session: str) -> bytes:
    own = SESSION_MODELS.get(session, backbone.name)
    arrays = feature_arrays(
        settings=settings,
        backbone=backbone,
        pictures=data.pictures,
        labels=data.labels,
        held_out=data.held_out,
        body=own.state() if own else None,
    )
    file = io.BytesIO()
    np.savez(file, **{name: tensor.numpy() for name, tensor in arrays.items()})
    return file.getvalue()


def pytorch_code(settings: Mapping[str, TransferSettings], data: LabelledPictures) -> str:
    """Return code that trains the head from `features.npz` to the screen's numbers, and how the rest goes on."""
    head, fine = settings["head"], settings["fine"]
    return f'''import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# what the frozen layers say of every picture, from Downloads: {"3 versions of each, augmented" if head.switches else "computed once"}
features = {{name: torch.from_numpy(array) for name, array in np.load("features.npz").items()}}
views, labels = features["views"], features["labels"]      # (versions, N, D), (N,)
held, held_labels = features["held"], features["held_labels"]

torch.manual_seed({head.seed})
head = nn.Linear(views.shape[2], {len(data.categories)})
optimiser = torch.optim.AdamW(head.parameters(), lr={head.rate:g}, weight_decay=1e-2)
draws = torch.Generator().manual_seed({head.seed})
for epoch in range({head.epochs}):
    for chosen in torch.randperm(len(labels), generator=draws).split({BATCH}):
        loss = F.cross_entropy(head(views[epoch % len(views)][chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        outputs = head(held)
    print(epoch + 1, F.cross_entropy(outputs, held_labels).item(), (outputs.argmax(1) == held_labels).float().mean().item())


def rate_share(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / (0.1 * steps)) * (1 - step / steps)


def unfreeze(model: nn.Module) -> torch.optim.Optimizer:
    """The second stage: `model` ends in the head above; its layers learn, its batch norms keep their statistics.

    Before each batch: for group in optimiser.param_groups: group["lr"] = {fine.rate:g} * rate_share(step, steps).
    """
    layers = [m for m in model.modules() if list(m.parameters(recurse=False))]
    for place, layer in enumerate(layers):
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad = place >= {"len(layers) // 2" if fine.depth == "half" else "0"}
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr={fine.rate:g}, weight_decay=1e-2)
'''
