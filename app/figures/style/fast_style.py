"""What the fast-style screen shows: every network's picture of the person's, which the browser blends; its card."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from app.cache import ENCODED
from app.figures.style.fast_style_choices import FastChoices, fast_choices
from app.figures.style.first_look import fast_network
from app.pictures import CurrentPicture, as_photo, picture_of, thumbnail_url
from app.wire import pack
from cnn.images.encode import png_bytes, resize_to, to_hwc
from cnn.images.gallery import PICTURE_IDS
from cnn.style.colour import colours_kept
from cnn.style.errors import StyleError
from cnn.style.fast import fast_networks, stylize
from cnn.style.pictures import as_uint8, picture
from cnn.weights.builtin import card as model_card
from cnn.weights.builtin import load_builtin

CONTENT = "content"
_SCORE = "val total loss against Gatys"
_SECONDS: dict[str, float] = {}


def stage_block(
    current: CurrentPicture, choices: FastChoices, header: Mapping[str, Any], answer: bytes | None = None
) -> bytes:
    """Return the component's data: the networks there are, and the picture in the first of the chosen styles.

    `answer` is what our live route would have said, where there is none.
    """
    language = header["words"]["language"]
    arrays: dict[str, np.ndarray] = {}
    asks = header.get("settings_from") == "browser"  # it is at work already, and asks for what it lacks
    first = () if asks else (CONTENT, *list(choices.mix)[:1])
    block = {
        **header,
        "settings": dict(choices.values),
        "picture": {"key": current.identity, "alt": current.alt, "name": current.name},
        "styles": [_style(name, language) for name in fast_networks()],
        "outputs": [_output(current, name, choices.values["size"], arrays) for name in first],
    }
    if answer is not None:
        arrays["answer"] = np.frombuffer(answer, np.uint8)
    return pack(block, arrays)


def live_block(parameters: Mapping[str, Any], current: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: one network's picture of the current one, `style`, as PNG."""
    sent = parameters.get("settings")
    choices = fast_choices(sent if isinstance(sent, Mapping) else {})
    asked = str(parameters.get("style", ""))
    names = [name for name in (CONTENT, *fast_networks()) if name == asked]
    arrays: dict[str, np.ndarray] = {}
    outputs = [_output(current(), name, choices.values["size"], arrays) for name in names]
    return pack({"id": parameters.get("id", 0), "outputs": outputs}, arrays)


def content_of(current: CurrentPicture, size: int) -> Tensor:
    """The picture that the networks get: longer side `size`, uint8 (3, H, W)."""
    return as_uint8(picture(resize_to(as_photo(current), size)))


def output_of(content: Tensor, name: str) -> Tensor:
    """One network's picture; a strip too narrow for it stays as it is."""
    try:
        return stylize(fast_network(name), content)
    except StyleError:
        return content


def result_of(current: CurrentPicture, choices: FastChoices) -> Tensor:
    """What is on screen, computed anew: the mean of the networks' pictures by their shares."""
    content = content_of(current, choices.values["size"])
    try:
        made = stylize(choices.models(), content)
    except StyleError:
        return content
    return colours_kept(made, content) if choices.values["colours"] else made


def _output(current: CurrentPicture, name: str, size: int, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    key = f"{name} {size} {current.identity}"

    def make() -> bytes:
        content = content_of(current, size)
        if name != CONTENT:
            fast_network(name)  # loading it is no part of the pass
        began = time.perf_counter()
        made = content if name == CONTENT else output_of(content, name)
        if len(_SECONDS) > 4096:
            _SECONDS.clear()
        _SECONDS[key] = time.perf_counter() - began
        return png_bytes(to_hwc(made))

    png = ENCODED.get_or_make(("fast style", key), make)
    arrays[name] = np.frombuffer(png, np.uint8)
    return {"style": name, "size": size, "picture": current.identity, "seconds": _SECONDS.get(key, 0.0)}


def _style(name: str, language: str) -> dict[str, Any]:
    painting = "painting_" + name.removeprefix("style-").replace("-", "_")
    shown = picture_of(painting, language=language) if painting in PICTURE_IDS else None
    about = model_card(name)
    return {
        "name": name,
        "id": name.removeprefix("style-"),
        "label": shown.name if shown else name.removeprefix("style-"),
        "thumb": thumbnail_url(shown, 96) if shown else "",
        "minutes": about.get("minutes"),
        "score": about.get("scores", {}).get(_SCORE),
        "parameters": about.get("parameters"),
    }


def networks_npz(current: CurrentPicture, choices: FastChoices) -> dict[str, NDArray[Any]]:
    """The content, the result and the parameters of the chosen networks, for `pytorch_code`."""
    arrays = {
        "content": content_of(current, choices.values["size"]).numpy(),
        "result": result_of(current, choices).numpy(),
    }
    for name in choices.mix:
        for key, values in load_builtin(name).state_dict().items():
            arrays[f"{name}.{key}"] = values.numpy()
    return arrays


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the photo in stripes, one for each style."""
    content = as_uint8(picture(resize_to(photo, 320)))
    names = fast_networks()
    pixels = to_hwc(content).copy()
    edges = np.linspace(0, pixels.shape[1], max(len(names), 1) + 1).round().astype(int)
    for name, left, right in zip(names, edges, edges[1:], strict=False):
        pixels[:, left:right] = to_hwc(output_of(content, name))[:, left:right]
        pixels[:, right - 2 : right] = 255
    return pixels
