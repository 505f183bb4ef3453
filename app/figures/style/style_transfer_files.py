"""What the style-transfer screen gives away: the result, the losses, the run as a film, and what the code needs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

from app.figures.style.style_transfer_choices import StyleChoices
from app.style_runs import LAYERS, TRANSFER, StyleRun
from cnn.images import load_image
from cnn.images.encode import png_bytes, to_hwc
from cnn.style.export import chosen_frames, gif_bytes, mp4_bytes
from cnn.style.exported import exported_arrays

StyleFile = tuple[str, str, Callable[[], bytes], str]
FILM_FRAMES = 120
_NPZ = "application/octet-stream"


def run_files(choices: StyleChoices, runs: Mapping[str, StyleRun]) -> list[StyleFile]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for."""
    listed: list[StyleFile] = []
    run, layers = runs.get(TRANSFER), runs.get(LAYERS)
    if run is not None and run.newest is not None:
        newest = run.newest.image
        listed += [
            ("png", "style_transfer.png", lambda: png_bytes(to_hwc(newest)), "image/png"),
            ("mp4", "style_transfer.mp4", lambda: mp4_bytes(film(run)), "video/mp4"),
            ("gif", "style_transfer.gif", lambda: gif_bytes(film(run)), "image/gif"),
            ("csv", "losses.csv", lambda: losses_csv(run), "text/csv"),
        ]
    if layers is not None and layers.cells:
        listed.append(("layers", "layers.png", lambda: layers_png(layers), "image/png"))
    own = own_run(choices, runs)
    if own is not None or choices.obstacle is None:
        listed.append(("npz", "style_transfer.npz", lambda: inputs_npz(choices, own), _NPZ))
    return listed


def own_run(choices: StyleChoices, runs: Mapping[str, StyleRun]) -> StyleRun | None:
    """The run of exactly these pictures, if it has made a step."""
    run = runs.get(TRANSFER)
    return run if run is not None and run.newest is not None and run.inputs == choices.inputs else None


def film(run: StyleRun) -> list[Tensor]:
    """The kept pictures in order, thinned out evenly; the last one exact."""
    with run.lock:
        steps = sorted(run.frames)
        newest = run.newest
        jpegs = [run.frames[steps[place]] for place in chosen_frames(len(steps), FILM_FRAMES)]
    return [*(load_image(jpeg) for jpeg in jpegs[:-1]), newest.image if newest else load_image(jpegs[-1])]


def losses_csv(run: StyleRun) -> bytes:
    """A line a step: J and its parts, the weights, and every layer's loss by the lectures' formulas."""
    with run.lock:
        rows = list(run.rows)
    content = list(dict.fromkeys(name for row in rows for name in row["content_layers"]))
    style = list(dict.fromkeys(name for row in rows for name in row["style_layers"]))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["step", "level", "height", "width", "seconds", "J", "J_content", "J_style", "total_variation",
         "alpha", "beta", "gamma", *(f"content {name}" for name in content), *(f"style {name}" for name in style)]
    )  # fmt: skip
    for row in rows:
        writer.writerow(
            [row["step"], row["level"], *row["size"], f"{row['seconds']:.3f}", row["loss"], row["content"],
             row["style"], row["variation"], *row["weights"],
             *(row["content_layers"].get(name, "") for name in content),
             *(row["style_layers"].get(name, "") for name in style)]
        )  # fmt: skip
    return file.getvalue().encode()


def layers_png(run: StyleRun) -> bytes:
    """Two rows of pictures: what each layer keeps of the content, and of the style."""
    with run.lock:
        cells = dict(run.cells)
    layers = list(dict.fromkeys(layer for _, layer in cells))
    sides = [record.image.shape[1:] for record, _ in cells.values()]
    height, width = max(h for h, _ in sides), max(w for _, w in sides)
    sheet = np.full((2 * height + 8, len(layers) * (width + 8) - 8, 3), 255, np.uint8)
    for (what, layer), (record, _) in cells.items():
        pixels = to_hwc(record.image)
        top, left = (0 if what == "content" else height + 8), layers.index(layer) * (width + 8)
        sheet[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return png_bytes(sheet)


def inputs_npz(choices: StyleChoices, run: StyleRun | None) -> bytes:
    """What `pytorch_code` reads: pictures, weights of J, the network's parameters."""
    if run is not None and run.newest is not None:
        arrays = exported_arrays(run.newest.image, run.content, run.styles, **{**run.arguments, **run.told})
    else:
        content = choices.content()
        arrays = exported_arrays(content, content, choices.style_pictures(), **choices.arguments("cpu"))
    file = io.BytesIO()
    np.savez(file, **{name: values.numpy() for name, values in arrays.items()})
    return file.getvalue()


def pytorch_code(choices: StyleChoices, runs: Mapping[str, StyleRun]) -> str:
    """Return code that gives the losses of the picture in `style_transfer.npz`, and then goes on with Adam."""
    run = own_run(choices, runs)
    steered = {**choices.arguments("cpu"), **({**run.arguments, **run.told} if run else {})}
    name = steered["network"]
    content = [layer for layer in steered["content_layers"] if steered["alpha"] > 0]
    style = list(steered["style_layers"])
    rate = (steered["learning_rate"] if steered["optimiser"] == "adam" else None) or 0.002
    body = _RESNET if name == "imagenette-resnet" else _vgg(steered["pooling"])
    return f"""import numpy as np
import torch
import torch.nn.functional as F

# from Downloads: content, styles and result as the losses see them, the weights of J, the network's parameters
data = {{name: torch.from_numpy(array) for name, array in np.load("style_transfer.npz").items()}}
net = {{name.removeprefix("net."): values for name, values in data.items() if name.startswith("net.")}}
content_layers = {content!r}
style_layers = {style!r}
styles = [data[name] for name in sorted(data) if name.startswith("style") and name[5:].isdigit()]

{body}

def gram(a):                                               # G_kk' = sum over positions of a_k a_k'
    a = a.flatten(2)[0]
    return a @ a.T


with torch.no_grad():
    content_maps = maps_of(data["content"])
    style_maps = [maps_of(style) for style in styles]


def losses(image):
    maps = maps_of(image)
    content = {{l: (maps[l] - content_maps[l]).square().sum() / 2 for l in content_layers}}
    style = {{}}
    for l in style_layers:
        channels, positions = maps[l].shape[1], maps[l][0, 0].numel()
        style[l] = sum(
            share * ((gram(own[l]) * (positions / own[l][0, 0].numel()) - gram(maps[l])) / (2 * positions * channels)).square().sum()
            for share, own in zip(data["shares"].tolist(), style_maps)
        )
    variation = (image[..., 1:] - image[..., :-1]).square().sum() + (image[..., 1:, :] - image[..., :-1, :]).square().sum()
    total = data["gamma"] * variation
    for weight, l in zip(data["content_weights"], content_layers):
        total = total + data["alpha"] * weight * content[l]
    for weight, l in zip(data["style_weights"], style_layers):
        total = total + data["beta"] * weight * style[l]
    return total, content, style


with torch.no_grad():
    total, content, style = losses(data["result"])
print("J", total.item())
for layer, loss in (content | style).items():
    print(layer, loss.item())

G = data["result"].clone().requires_grad_(True)            # go on from here
optimiser = torch.optim.Adam([G], lr={rate:g})
for step in range(1, 11):
    optimiser.zero_grad()
    losses(G)[0].backward()
    optimiser.step()
    with torch.no_grad():
        G.clamp_(0, 1)
        print(step, losses(G)[0].item())
"""


def _vgg(pooling: str) -> str:
    pool = "avg_pool2d" if pooling == "average" else "max_pool2d"
    return f"""
def maps_of(x):                                            # VGG-19, as deep as it is needed
    x, maps = (x.expand(-1, 3, -1, -1) - data["mean"]) / data["std"], {{}}
    for block, depth in enumerate((2, 2, 4, 4, 4), start=1):
        for index in range(1, depth + 1):
            if f"conv{{block}}_{{index}}.weight" not in net:
                return maps
            x = F.conv2d(x, net[f"conv{{block}}_{{index}}.weight"], net[f"conv{{block}}_{{index}}.bias"], padding=1)
            maps[f"conv{{block}}_{{index}}"] = x
            maps[f"relu{{block}}_{{index}}"] = x = F.relu(x)
        maps[f"pool{{block}}"] = x = F.{pool}(x, 2) if min(x.shape[-2:]) > 1 else x
    return maps

"""


_RESNET = """
def norm(x, at):
    return F.batch_norm(x, net[at + ".running_mean"], net[at + ".running_var"], net[at + ".weight"], net[at + ".bias"])


def maps_of(x):                                            # a small residual network, as deep as it is needed
    x, maps = (x.expand(-1, 3, -1, -1) - data["mean"]) / data["std"], {}
    maps["stem"] = x = F.relu(norm(F.conv2d(x, net["stem.0.weight"], stride=2, padding=1), "stem.1"))
    for at in [f"stage{s}.{b}" for s, depth in ((1, 2), (2, 3), (3, 2)) for b in range(depth)]:
        if at + ".conv1.weight" not in net:
            return maps
        stride = 2 if at.endswith(".0") else 1
        z = F.relu(norm(F.conv2d(x, net[at + ".conv1.weight"], stride=stride, padding=1), at + ".bn1"))
        z = norm(F.conv2d(z, net[at + ".conv2.weight"], padding=1), at + ".bn2")
        if stride == 2:
            x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
            x = norm(F.conv2d(x, net[at + ".shortcut.1.weight"]), at + ".shortcut.2")
        maps[at] = x = F.relu(z + x)
    return maps

"""
