"""What /fast_style sends, that the browser's blend is Python's, and that its code makes the same picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from app.figures.style.fast_style import card, content_of, live_block, networks_npz, result_of, stage_block
from app.figures.style.fast_style_camera import camera_answer
from app.figures.style.fast_style_choices import fast_choices
from app.figures.style.fast_style_files import fast_files, pytorch_code
from app.pictures import picture_of
from app.routes.camera import CameraFrame
from app.wire import unpack
from cnn.images.gallery import picture
from cnn.style.colour import colours_kept
from cnn.style.fast import fast_networks, load_fast, stylize

MIX = {"mix": "starry-night~1,scream~0.5", "size": 160}


def decoded(png: np.ndarray) -> np.ndarray:
    return cv2.imdecode(png, cv2.IMREAD_COLOR)[:, :, ::-1].transpose(2, 0, 1)


def rgba(image: torch.Tensor) -> list[int]:
    return torch.cat([image, torch.full_like(image[:1], 255)]).permute(1, 2, 0).flatten().tolist()


def test_T2_each_output_is_the_networks_own() -> None:
    current = picture_of("")
    for name in fast_networks():
        asked = {"style": name, "settings": MIX}
        header, arrays = unpack(live_block(asked, lambda: current))
        assert [output["style"] for output in header["outputs"]] == [name]
        expected = stylize(load_fast(name), content_of(current, 160))
        np.testing.assert_array_equal(decoded(arrays[name]), expected.numpy())


def test_junk_asks_for_nothing() -> None:
    for junk in ({}, {"style": "../x"}, {"style": "starry-night", "settings": "no"}):
        header, arrays = unpack(live_block(junk, lambda: picture_of("")))
        assert header["outputs"] == []
        assert not arrays


def test_T2_the_browser_blends_as_python_does(javascript: Callable[..., Any]) -> None:
    current, chosen = picture_of(""), fast_choices({**MIX, "size": 160})
    content = content_of(current, 160)[:, :40, :60]
    outputs = [stylize(model, content) for model, _ in chosen.models()]
    expression = """[...blended(argument.pictures.map((p) => Uint8ClampedArray.from(p)), argument.shares,
      argument.content && Uint8ClampedArray.from(argument.content), new Uint8ClampedArray(argument.pictures[0].length))]"""
    for kept in (False, True):
        argument = {
            "pictures": [rgba(output) for output in outputs],
            "shares": list(chosen.mix.values()),
            "content": rgba(content) if kept else None,
        }
        made = np.array(javascript("fast_style/blend.js", expression, argument)).reshape(40, 60, 4)
        expected = stylize(chosen.models(), content)
        expected = colours_kept(expected, content) if kept else expected
        difference = np.abs(made[:, :, :3].transpose(2, 0, 1).astype(int) - expected.numpy().astype(int))
        assert difference.max() <= (3 if kept else 1), kept


@pytest.mark.parametrize("kept", [False, True])
def test_the_code_makes_the_picture_on_screen(kept: bool, tmp_path, monkeypatch) -> None:
    current, chosen = picture_of(""), fast_choices({**MIX, "colours": kept})
    make = {name: make for name, _, make, _ in fast_files(current, chosen)}
    (tmp_path / "fast_style.npz").write_bytes(make["npz"]())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"print": lambda *_: None}
    exec(compile(pytorch_code(chosen), "code", "exec"), names)
    shown = result_of(current, chosen)
    assert (names["result"].int() - shown.int()).abs().max() <= 2
    np.testing.assert_array_equal(
        cv2.imdecode(np.frombuffer(make["png"](), np.uint8), 1)[:, :, ::-1].transpose(2, 0, 1), shown
    )


def test_camera_frames_are_styled_and_small_ones_stay_small() -> None:
    frame = CameraFrame(picture("cat")[:, :120, :160].contiguous(), "", 0.0)
    header, arrays = camera_answer({"mix": "scream~1", "size": 448}, frame)
    assert header["size"] == [120, 160]
    shown = cv2.imdecode(arrays["jpeg"], cv2.IMREAD_COLOR)[:, :, ::-1].transpose(2, 0, 1)
    expected = stylize(load_fast("style-scream"), frame.pixels)
    assert np.abs(shown.astype(int) - expected.numpy().astype(int)).mean() < 8
    header, _ = camera_answer({"size": "junk", "colours": True}, frame)
    assert header["size"] == [120, 160]


def test_the_first_block_holds_the_first_style_and_its_facts() -> None:
    block, arrays = unpack(stage_block(picture_of(""), fast_choices(MIX), {"words": {"language": "ko"}}))
    assert [output["style"] for output in block["outputs"]] == ["content", "style-starry-night"]
    assert set(arrays) == {"content", "style-starry-night"}
    later, nothing = unpack(
        stage_block(
            picture_of(""), fast_choices(MIX), {"words": {"language": "ko"}, "settings_from": "browser"}
        )
    )
    assert not later["outputs"]
    assert not nothing
    style = next(style for style in block["styles"] if style["id"] == "starry-night")
    assert style["parameters"] == sum(p.numel() for p in load_fast("style-starry-night").parameters())
    assert style["label"] != "starry-night"


def test_choices_from_junk_are_a_style_that_is_there() -> None:
    for junk in ({}, {"mix": "nobody~1"}, {"mix": "starry-night~0"}, {"mix": "<script>"}, {"mix": 3}):
        assert list(fast_choices(junk).mix) == ["style-starry-night"]


def test_archive_names_what_it_holds() -> None:
    arrays = networks_npz(picture_of(""), fast_choices(MIX))
    assert {name.split(".")[0] for name in arrays} == {
        "content",
        "result",
        "style-starry-night",
        "style-scream",
    }
    file = io.BytesIO()
    np.savez(file, **arrays)
    assert file.tell() > 1_000_000


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 200, 64), (3, 64, 320)])
def test_card_is_a_picture(shape: tuple[int, int, int]) -> None:
    made = card(torch.randint(0, 256, shape, dtype=torch.uint8))
    assert made.dtype == np.uint8
    assert made.shape[2] == 3
