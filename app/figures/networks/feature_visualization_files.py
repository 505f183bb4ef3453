"""Downloads of the feature-visualisation screen, and the code that gives its numbers in a fresh interpreter."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np

from app.figures.networks.feature_visualization_view import FeatureView
from app.open_models import OpenNetwork
from cnn.attribution.feature_visualization import OUTPUT, VisualizationStep
from cnn.images.encode import png_bytes, to_hwc

File = tuple[str, str, Callable[[], bytes], str]
LISTED = 50


def feature_files(view: FeatureView) -> tuple[File, ...]:
    """Return (label id, file name, its maker, MIME type) of what can be taken away."""
    listed: list[File] = []
    step = view.step
    if step is not None:
        listed.append(("image", "optimised.png", lambda: png_bytes(to_hwc(step.image)), "image/png"))
        listed.append(("history", "activation.csv", lambda: _history(step), "text/csv"))
    if view.scan is not None:
        listed.append(("patches", "patches.csv", lambda: patches_csv(view), "text/csv"))
        listed.append(("peaks", "peaks.npz", lambda: _npz(view), "application/octet-stream"))
    return tuple(listed)


def _history(step: VisualizationStep) -> bytes:
    return "\n".join(["step,activation", *(f"{at},{value!r}" for at, value in step.history)]).encode()


def patches_csv(view: FeatureView) -> bytes:
    """Return the strongest patches of the channel: picture, unit, what it sees, activation."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["picture", "name", "row", "column", "x1", "y1", "x2", "y2", "activation"])
    for peak in view.scan.strongest(view.channel, LISTED) if view.scan is not None else ():
        name = view.pictures.names[peak.picture]
        writer.writerow(
            [peak.picture, name, peak.row, peak.column, *view.box(peak.row, peak.column), peak.value]
        )
    return file.getvalue().encode()


def _npz(view: FeatureView) -> bytes:
    assert view.scan is not None
    scan, file = view.scan, io.BytesIO()
    np.savez(
        file, pictures=view.pictures.pictures.numpy(), values=scan.values.numpy(), places=scan.places.numpy()
    )
    return file.getvalue()


def pytorch_code(network: OpenNetwork, view: FeatureView) -> str:
    """Return code that optimises the same picture, and checks with a plain forward pass what it is worth."""
    objective, chosen = view.objective, view.settings.optimiser
    layer, channel = view.layer, view.channel
    whole = objective.row < 0
    value = f"[0, {channel}].mean()" if whole else f"[0, {channel}, {objective.row}, {objective.column}]"
    where = "" if whole else f", {objective.row}, {objective.column}"
    lines = [
        "import torch",
        *network.code,
        "",
        "from cnn.attribution.feature_visualization import Objective, VisualizationSettings, visualization_steps",
        "",
        f"mean, std = {network.mean}, {network.std}",
        "settings = VisualizationSettings(",
        f"    steps={chosen.steps}, rate={chosen.rate}, parametrisation={chosen.parametrisation!r},"
        f" decorrelated={chosen.decorrelated},",
        f"    jitter={chosen.jitter}, turn={chosen.turn}, total_variation={chosen.total_variation}, seed={chosen.seed},",
        ")",
        "*_, last = visualization_steps(",
        f'    model=model, objective=Objective("{layer}", {channel}{where}),',
        f"    input_shape={network.input_shape}, mean=mean, std=std, settings=settings,",
        ")",
        "print(last.activation)  # of last.image, uint8 (C, H, W), exactly",
        "",
        "# the same number by a plain forward pass",
        "batch = (last.image / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]",
    ]
    if layer == OUTPUT:
        lines += ["with torch.no_grad():", f"    print(model(batch[None])[0, {channel}].item())"]
    else:
        lines += [
            "from cnn.networks.layers import feature_maps",
            "",
            f'print(feature_maps(model, batch, ["{layer}"])["{layer}"]{value}.item())',
        ]
    return "\n".join(lines)
