"""What the lab sends, gives away and shows as code, against PyTorch."""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from app.figures.convolution.convolution import address_values, card, known, live_block, sent_lanes
from app.figures.convolution.lab_block import Known, lab_block, lane_digest, working
from app.figures.convolution.lab_code import pytorch_code
from app.figures.convolution.lab_files import lab_files
from app.pictures import CurrentPicture
from app.wire import unpack
from cnn.convolution.pipeline import lab, map_stages
from cnn.convolution.settings import LabSettings

SIX = [
    [3, 0, 1, 2, 7, 4],
    [1, 5, 8, 9, 3, 1],
    [2, 7, 2, 5, 1, 3],
    [0, 1, 3, 1, 7, 8],
    [4, 2, 1, 6, 2, 8],
    [2, 4, 5, 2, 3, 9],
]


def made(**values: Any) -> LabSettings:
    return LabSettings.from_mapping(values)


def photo(seed: int = 0, height: int = 300, width: int = 400) -> CurrentPicture:
    pixels = torch.randint(
        0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )
    return CurrentPicture(f"u-{seed:022}", pixels, "noise", "noise", "photo")


def numbers() -> CurrentPicture:
    return CurrentPicture("matrix", torch.tensor([SIX]), "six", "six", "matrix")


def test_the_block_holds_the_tensors_own_numbers() -> None:
    picture = photo()
    choice = made(
        bank="gaussian;sobel_x",
        index=1,
        activation="tanh",
        pooling="all",
        padding="same",
        padding_mode="mean",
    )
    header, arrays = unpack(lab_block(picture, (choice,), known=Known()))
    result = lab(working(picture, choice), choice)
    stages = map_stages(result)
    lane = header["lanes"][0]
    assert np.array_equal(arrays["0.input"], result.picture.numpy())
    assert np.array_equal(arrays["0.before"], result.convolution.output[1].numpy())
    assert np.array_equal(arrays["0.after"], stages.after.numpy())
    for mode in ("max", "average", "l2"):
        assert np.array_equal(arrays[f"0.pool_{mode}"], stages.poolings[mode].output[0].numpy())
    assert np.array_equal(arrays["0.winners"], stages.poolings["max"].winners[0].numpy())
    assert np.array_equal(arrays["0.weights"], result.convolution.weight.numpy())
    assert lane["geometry"]["outputs"] == list(stages.before.shape)
    assert lane["geometry"]["fill"] == result.convolution.fill.tolist()
    assert lane["parameters"] == 2 * 9 + 2
    assert lane["multiply_adds"] == 2 * 9 * stages.before.numel()
    low, high = lane["ranges"][1]
    assert (low, high) == (float(stages.before.min()), float(stages.before.max()))


def test_whole_numbers_travel_as_whole_numbers() -> None:
    header, arrays = unpack(lab_block(numbers(), (made(bank="vertical"),), known=Known()))
    assert arrays["0.before"].dtype == np.int32
    assert arrays["0.before"][3, 3] == -16
    assert header["lanes"][0]["whole"] is True


def test_a_picture_in_motion_is_levels_and_at_rest_the_numbers() -> None:
    picture, choice = photo(height=400, width=500), made(size="512")
    header, arrays = unpack(lab_block(picture, (choice,), known=Known(), draft=True))
    assert header["lanes"][0]["draft"] is True
    assert arrays["0.before"].dtype == np.uint8
    _, exact = unpack(lab_block(picture, (choice,), known=Known()))
    wanted = np.rint(exact["0.before"] * (127 / header["lanes"][0]["limit"])) + 128
    assert np.abs(arrays["0.before"] - wanted).max() <= 1
    small, _ = unpack(lab_block(numbers(), (made(),), known=Known(), draft=True))
    assert small["lanes"][0]["draft"] is False


def test_what_the_browser_has_is_not_sent_again() -> None:
    picture, choice = photo(), made()
    first, arrays = unpack(lab_block(picture, (choice,), known=Known()))
    lane = first["lanes"][0]
    again = lab_block(picture, (choice,), known=Known((lane["input"],), (lane["digest"],)))
    assert len(again) < 2000
    assert unpack(again)[0]["lanes"][0]["kept"] is True
    _, changed = unpack(
        lab_block(picture, (made(bank="box"),), known=Known((lane["input"],), (lane["digest"],)))
    )
    assert "0.input" not in changed
    assert "0.before" in changed
    assert "0.input" in arrays


def test_digests_tell_pictures_and_settings_apart_but_not_views() -> None:
    picture, choice = photo(), made()
    digest = lane_digest(picture, choice)
    assert digest == lane_digest(
        picture, replace(choice, row=5, column=7, scope="layer", overlay="usage", plane="1")
    )
    others = [
        replace(choice, kernel_size=5),
        replace(choice, shift_x=1),
        replace(choice, view="magnitude"),
        made(bank="box"),
    ]
    assert (
        len({digest, lane_digest(photo(1), choice), *(lane_digest(picture, other) for other in others)}) == 6
    )
    one, other = numbers(), numbers()
    other.pixels[0, 0, 0] = 4
    assert lane_digest(one, choice) != lane_digest(other, choice)


def test_a_lane_without_a_map_says_why_and_the_other_lane_stands() -> None:
    header, arrays = unpack(lab_block(numbers(), (made(bank="box", kernel_size=9), made()), known=Known()))
    assert "9 pixels" in header["lanes"][0]["error"]["en"]
    assert "픽셀" in header["lanes"][0]["error"]["ko"]
    assert "1.before" in arrays


@pytest.mark.parametrize(
    "junk", [None, 3, "x", [], [1, 2], {"a": 1}, [{"bank": "\0" * 9, "kernel_size": 1e99, "flip": []}]]
)
def test_the_live_route_takes_any_junk(junk: Any) -> None:
    block = live_block({"lanes": junk, "inputs": junk, "shown": junk, "draft": junk, "id": 7}, numbers)
    header, _ = unpack(block)
    assert header["id"] == 7
    assert len(header["lanes"]) in (1, 2)
    json.dumps(header, allow_nan=False)


def test_the_route_and_the_rerun_give_the_same_bytes() -> None:
    picture = photo()
    choice = made(bank="edge~a23~pscharr", stride_h=2, stride_w=2, padding="same", pooling="max")
    _, live = unpack(live_block({"lanes": [choice.to_mapping()]}, lambda: picture))
    _, rerun = unpack(lab_block(picture, (choice,), known=known({})))
    assert live.keys() == rerun.keys()
    assert all(
        np.array_equal(live[name], rerun[name]) and live[name].dtype == rerun[name].dtype for name in live
    )


def test_the_address_restores_one_lane_and_two() -> None:
    lanes = (made(bank="sobel_x", pooling="max"), made(bank="gaussian", kernel_size=7, bias=3))
    assert sent_lanes(None, address_values(lanes)) == lanes
    assert sent_lanes(None, address_values(lanes[:1])) == lanes[:1]


CODE_CASES = [
    {},
    {
        "colour": "rgb",
        "bank": "sobel_x;gaussian~b2",
        "padding": "same",
        "activation": "relu",
        "pooling": "max",
    },
    {
        "colour": "rgb",
        "mode": "each",
        "bank": "scharr_x;box",
        "index": 3,
        "padding": "same",
        "padding_mode": "mean",
    },
    {
        "bank": "edge~a23~pscharr",
        "stride_h": 2,
        "stride_w": 2,
        "padding": "same",
        "pooling": "average",
        "pool_padding": 1,
    },
    {
        "bank": "log",
        "kernel_size": 6,
        "flip": True,
        "padding": "custom",
        "top": 5,
        "padding_mode": "reflect",
        "pooling": "l2",
    },
    {
        "bank": "random~x64",
        "kernel_size": 5,
        "index": 40,
        "dilation_h": 2,
        "padding": "same",
        "padding_mode": "circular",
    },
    {"colour": "rgb", "channel_weights": "1,-2,0.5", "shift_x": 3, "shift_y": 1, "activation": "sigmoid"},
]


@pytest.mark.parametrize("picture", [photo(3, 60, 80), numbers()], ids=["photo", "matrix"])
@pytest.mark.parametrize("values", CODE_CASES)
def test_the_code_gives_the_same_numbers(
    picture: CurrentPicture, values: dict[str, Any], tmp_path: Path
) -> None:
    choice = made(**values)
    if picture.kind == "matrix" and choice.top > 4:
        choice = replace(choice, top=4)
    code = pytorch_code(picture, choice)
    for label, file_name, make, _ in lab_files(picture, choice):
        if label == "picture":
            (tmp_path / file_name).write_bytes(make())
    names: dict[str, Any] = {}
    with contextlib.chdir(tmp_path), contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)
    result = lab(working(picture, choice), choice)
    stages = map_stages(result)
    whole_bank = names["z"].shape[1] == result.convolution.output.shape[0]
    z = names["z"][0, result.index if whole_bank else 0]
    if not result.convolution.output.is_floating_point():
        assert torch.equal(z, stages.before.double())
    torch.testing.assert_close(z.double(), stages.before.double(), rtol=1e-5, atol=2e-3)
    a = names["a"][0, result.index if whole_bank else 0]
    torch.testing.assert_close(a.double(), stages.after.double(), rtol=1e-5, atol=2e-3)
    if stages.poolings:
        pooled = names["a_pooled"][0, result.index if whole_bank else 0]
        wanted = next(iter(stages.poolings.values())).output[0]
        torch.testing.assert_close(pooled.double(), wanted.double(), rtol=1e-5, atol=2e-3)


def test_downloads_hold_what_is_on_screen() -> None:
    picture = photo(4, 90, 120)
    choice = made(bank="sobel_x;box", activation="relu", pooling="max", padding="same")
    files = {label: make() for label, _, make, _ in lab_files(picture, choice)}
    result = lab(working(picture, choice), choice)
    stages = map_stages(result)
    csv = np.loadtxt(io.BytesIO(files["csv"]), delimiter=",", dtype=np.float32)
    assert np.array_equal(csv, stages.before.float().numpy())
    with np.load(io.BytesIO(files["npz"])) as stored:
        assert np.array_equal(stored["z"], result.convolution.output.numpy())
        assert np.array_equal(stored["padded"], result.convolution.padded.numpy())
        assert np.array_equal(stored["pooled_max"], stages.poolings["max"].output[0].numpy())
        assert np.array_equal(stored["winners"], stages.poolings["max"].winners[0].numpy())
    shown = np.asarray(Image.open(io.BytesIO(files["map"])).convert("RGB"))
    assert shown.shape == (90, 120, 3)
    middle = np.abs(stages.before.numpy()) < 1e-9
    assert np.abs(shown[middle].astype(int) - 247).max() <= 1
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(files["picture"]))), working(picture, choice)[0].numpy()
    )
    with zipfile.ZipFile(io.BytesIO(files["zip"])) as archive:
        assert len(archive.namelist()) == 4


def test_full_resolution_is_computed_on_the_whole_picture() -> None:
    picture = photo(5, 700, 900)
    choice = made(size="256", padding="same")
    files = {label: make for label, _, make, _ in lab_files(picture, choice)}
    assert Image.open(io.BytesIO(files["full"]())).size == (900, 700)
    assert Image.open(io.BytesIO(files["map"]())).size == (256, 199)


def test_the_card_is_white_on_flat_ground_and_coloured_at_edges() -> None:
    step = torch.zeros(3, 40, 60, dtype=torch.uint8)
    step[:, :, :30] = 200
    shown = card(step)
    assert shown.dtype == np.uint8
    assert np.abs(shown[5, 5].astype(int) - 247).max() <= 1
    red, _, blue = shown[5, 28].astype(int)
    assert red > blue + 60


def test_nothing_is_written_beside_the_code(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        pytorch_code(numbers(), made())
        assert os.listdir() == []


def test_a_bank_in_motion_shows_the_same_small_maps_as_at_rest() -> None:
    picture = photo(6, 400, 520)
    choice = made(
        bank="sobel_x;gaussian;random", index=2, stride_h=2, stride_w=2, padding="same", activation="relu"
    )
    moving, quick = unpack(lab_block(picture, (choice,), known=Known(), draft=True))
    still, exact = unpack(lab_block(picture, (choice,), known=Known()))
    first, second = moving["lanes"][0], still["lanes"][0]
    for name in ("index", "geometry", "bias", "parameters", "multiply_adds"):
        assert first[name] == second[name]
    assert quick["0.before"].shape == exact["0.before"].shape
    assert np.array_equal(quick["0.weights"], exact["0.weights"])
    assert quick["0.thumbs"].shape == exact["0.thumbs"].shape
    assert np.abs(quick["0.thumbs"][2].astype(int) - exact["0.thumbs"][2]).max() <= 1
