"""Downloads of the attribution screen, and the code that gives its numbers in a fresh interpreter."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np

from app.attribution_runs import AttributionRuns
from app.figures.networks.attribution import overlay
from app.figures.networks.attribution_maps import (
    WINDOWS,
    AttributionSettings,
    AttributionView,
    shown_heat,
)
from app.open_models import OpenNetwork
from cnn.attribution.grad_cam import CAM_METHODS
from cnn.images.encode import png_bytes, to_hwc

File = tuple[str, str, Callable[[], bytes], str]


def attribution_files(
    view: AttributionView, settings: AttributionSettings, runs: AttributionRuns
) -> tuple[File, ...]:
    """Return (label id, file name, its maker, MIME type) of what can be taken away."""
    listed: list[File] = []
    shown = shown_heat(view, settings, runs.maps)
    if shown is not None:
        listed.append(
            (
                "overlay",
                f"{settings.method}.png",
                lambda: png_bytes(overlay(view, *shown, settings.opacity / 100)),
                "image/png",
            )
        )
    listed.append(("maps", "attribution.npz", lambda: _npz(view, runs), "application/octet-stream"))
    listed.append(("picture", "picture.png", lambda: png_bytes(to_hwc(view.prepared.cropped)), "image/png"))
    if runs.curves:
        listed.append(("curves", "curves.csv", lambda: curves_csv(runs), "text/csv"))
    return tuple(listed)


def _npz(view: AttributionView, runs: AttributionRuns) -> bytes:
    arrays = {}
    for layer, row in view.grid.items():
        for method, found in row.items():
            arrays[f"{method}@{layer}.raw"] = found.raw.numpy()
            arrays[f"{method}@{layer}.heat"] = found.heat.numpy()
    arrays |= {name: found.heat.numpy() for name, found in runs.maps.items() if found.finished}
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def curves_csv(runs: AttributionRuns) -> bytes:
    """Return every measured curve, point by point, as CSV."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["map", "share_of_pixels", "deletion", "insertion", "deletion_area", "insertion_area"])
    for name, result in runs.curves.items():
        for point in result.curve:
            writer.writerow([name, *point, *result.areas])
    return file.getvalue().encode()


def pytorch_code(network: OpenNetwork, view: AttributionView, settings: AttributionSettings) -> str:
    """Return code whose `heat` (H, W) is the chosen map, from picture.png of Downloads."""
    layer, target = view.layer_of(settings), view.target.index
    method = settings.method if layer or settings.method not in CAM_METHODS else "saliency"
    lines = [
        "import numpy as np",
        "import torch",
        "from PIL import Image",
        *network.code,
        "",
        'pixels = np.array(Image.open("picture.png"))  # what the network saw, from Downloads',
        "image = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1)  # uint8 (C, H, W)",
        f"mean, std = torch.tensor({list(network.mean)}), torch.tensor({list(network.std)})",
        "batch = ((image / 255 - mean[:, None, None]) / std[:, None, None])[None]",
        "with torch.no_grad():",
        f"    print(model(batch).softmax(1)[0, {target}].item())  # {float(view.target.probability):.6f}",
        "",
    ]
    if method == "grad_cam":
        lines += _grad_cam_lines(layer, target)
    elif method in CAM_METHODS:
        lines += [
            "from cnn.attribution.grad_cam import grad_cams",
            "",
            f'found = grad_cams(model, batch, ["{layer}"], {target}, method="{method}")["{layer}"]',
            "heat = found.heat  # found.raw: the map at the layer's own size, with its signs",
        ]
    elif method == "occlusion":
        side = max(min(view.prepared.batch.shape[-2:]) // WINDOWS[settings.window], 2)
        lines += [
            "from cnn.attribution.pixels import occlusion_steps",
            "",
            f"*_, last = occlusion_steps(model, batch, {target}, window={side}, stride={max(side // 2, 1)})",
            "heat = last.heat",
        ]
    elif method in ("saliency", "input_x_gradient"):
        lines += [
            "batch.requires_grad_()",
            f"model(batch)[0, {target}].backward()",
            "heat = batch.grad[0].abs().sum(0)"
            if method == "saliency"
            else "heat = (batch.grad * batch)[0].sum(0).detach()",
        ]
    else:
        lines += [
            "from cnn.attribution.pixels import attribution",
            "",
            f'heat = attribution("{method}", model, batch, {target}).heat',
        ]
    lines.append("print(heat.shape, heat.max().item())")
    return "\n".join(lines)


def _grad_cam_lines(layer: str, target: int) -> list[str]:
    """Grad-CAM in plain PyTorch: torchvision's extractor names layers as this project does."""
    return [
        "from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names",
        "",
        "last = get_graph_node_names(model)[1][-1]",
        f'layers = create_feature_extractor(model, {{"{layer}": "maps", last: "scores"}})',
        "found = layers(batch.requires_grad_())",
        f'(gradient,) = torch.autograd.grad(found["scores"][0, {target}], found["maps"])',
        "weights = gradient.mean(dim=(2, 3), keepdim=True)  # one for each channel",
        'raw = (weights * found["maps"]).sum(dim=1, keepdim=True)',
        'heat = torch.nn.functional.interpolate(raw.relu(), size=batch.shape[-2:], mode="bilinear")[0, 0]',
        "heat = (heat / heat.max()).detach()",
    ]
