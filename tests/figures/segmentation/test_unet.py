"""What the U-Net screen sends, draws, scores, gives away and prints as code."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from app.figures.segmentation.unet import card, live_block, screen_words, unet_block
from app.figures.segmentation.unet_files import pytorch_code, unet_files
from app.figures.segmentation.unet_network import block_names, block_of, input_of, maps_of, settings_of, unet
from app.language import Words
from app.pictures import picture_of
from app.wire import unpack
from cnn.images.tissue import TISSUE_ID
from cnn.segmentation.colours import class_colours, overlaid
from cnn.segmentation.scores import mask_scores
from cnn.weights.builtin import STREET, builtin_record

MASK, OVERLAY = "unet/mask.js", "shared/class_overlay.js"
CASES: list[dict[str, Any]] = [
    {"skips": "0111", "block": "merged.1", "channel": 3},
    {"net": "unet-membrane", "block": "bottom"},
    {"block": "logits", "skips": "0000"},
]


@pytest.mark.parametrize("values", CASES, ids=str)
def test_S2_code_gives_the_same_classes_and_channel(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, settings = picture_of("temple"), settings_of(values)
    header, arrays = unpack(unet_block(picture, settings))
    files = {name: make() for name, _, make, _ in unet_files(picture, settings)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(pytorch_code(picture, settings), space)
    assert np.array_equal(space["labels"].numpy(), arrays["labels"])
    assert np.allclose(space["channel"].numpy(), arrays["channel"], atol=1e-5)
    indexed = cv2.imdecode(np.frombuffer(files["labels"], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    colours = class_colours(builtin_record(settings.net).categories).numpy()
    assert np.array_equal(indexed, colours[arrays["labels"]])
    stored = np.load(io.BytesIO(files["npz"]))
    assert stored["maps"].shape == tuple(header["block"]["shape"])
    assert np.array_equal(stored["maps"][header["channel"]["index"]], arrays["channel"])
    assert files["overlay"][:4] == b"\x89PNG"


@pytest.mark.parametrize("net", ["unet-street", "unet-membrane"])
def test_M10_both_arms_with_their_sizes(net: str) -> None:
    picture, settings = picture_of("camera"), settings_of({"net": net})
    header, arrays = unpack(unet_block(picture, settings))
    nodes = {node["name"]: node["shape"] for node in header["u"]["nodes"]}
    assert tuple(nodes) == block_names(4)
    height, width = input_of(picture, net).shape[2:]
    stem = 2 if net == "unet-street" else 1
    for depth in range(4):
        size = [-(-side // (stem * 2**depth)) for side in (height, width)]
        assert nodes[f"carried.{depth}"][1:] == nodes[f"merged.{depth}"][1:] == size
        assert nodes[f"raised.{depth}"] == nodes[f"carried.{depth}"], (
            "the skip and what comes up are put together"
        )
        assert f"node.carried.{depth}" in arrays
    assert nodes["bottom"][0] > nodes["carried.3"][0] > nodes["carried.0"][0]
    assert nodes["logits"] == [len(builtin_record(net).categories), height, width]


def test_S2_a_switched_off_skip_changes_the_arm_above_it_only() -> None:
    picture = picture_of("temple")
    whole, without = (maps_of(picture, settings_of({"skips": skips})) for skips in ("1111", "1101"))
    for name in block_names(4):
        same = torch.equal(block_of(whole, name), block_of(without, name))
        below = name.startswith("carried") or name in ("bottom", "raised.3", "merged.3", "raised.2")
        assert same == below, name
    with torch.inference_mode():
        logits = unet("unet-street").with_skips(input_of(picture, "unet-street"), (True, True, False, True))[
            0
        ]
    assert torch.equal(without.logits, logits)


def test_S2_results_come_with_each_skip_off_when_asked_for() -> None:
    asked = {"settings": settings_of({}).to_mapping(), "results": True, "id": 5}
    header, arrays = unpack(live_block(asked, lambda: picture_of("temple")))
    assert header["id"] == 5
    assert header["results"]["skips"] == ["1111", "0111", "1011", "1101", "1110", "0000"]
    assert header["results"]["changed"][0] == 0
    for place, changed in enumerate(header["results"]["changed"]):
        found = float((arrays["results"][place] != arrays["results"][0]).mean())
        assert changed == pytest.approx(found, abs=1e-6)
    assert np.array_equal(arrays["results"][0], arrays["labels"])


def test_what_the_browser_has_is_not_sent_again() -> None:
    picture, settings = picture_of("temple"), settings_of({})
    header, _ = unpack(unet_block(picture, settings))
    ids = [header[part]["id"] for part in ("picture", "u", "block", "channel")]
    again, left = unpack(live_block({"settings": settings.to_mapping(), "known": ids}, lambda: picture))
    assert not left
    assert again["channel"] == header["channel"]
    _, moved = unpack(
        live_block({"settings": {**settings.to_mapping(), "skips": "0111"}, "known": ids}, lambda: picture)
    )
    assert "channel" not in moved, "the contracting arm knows nothing of the switches"
    assert "labels" in moved


def test_S2_the_drawn_tissue_brings_its_true_mask() -> None:
    settings = settings_of({"net": "unet-membrane"})
    header, arrays = unpack(unet_block(picture_of(TISSUE_ID), settings))
    assert header["u"]["truth"]
    scores = mask_scores(*(torch.tensor(arrays[name]) for name in ("labels", "truth")), 2)
    assert scores.mean_iou > 0.85
    assert "truth" not in unpack(unet_block(picture_of("temple"), settings))[1]


@pytest.mark.parametrize(
    "junk", [None, [], "x", {"net": 3, "skips": None}, {"block": "carried.5", "channel": "9e9"}]
)
def test_fault_C1_junk_over_the_socket_gives_a_block(junk: Any) -> None:
    header, arrays = unpack(live_block({"settings": junk, "known": {"a": 1}}, lambda: picture_of("temple")))
    assert header["u"]["nodes"]
    assert arrays["labels"].size


@pytest.mark.parametrize("matrix", ["1", "1,2;3,4"])
def test_A6_a_matrix_of_a_few_numbers_goes_through(matrix: str) -> None:
    _, arrays = unpack(unet_block(picture_of("matrix", matrix), settings_of({})))
    assert arrays["labels"].max() < len(STREET)


def test_S2_scores_in_the_browser_are_those_of_the_server(javascript: Callable[..., Any]) -> None:
    generator = torch.Generator().manual_seed(2)
    labels = torch.randint(0, 5, (20, 30), generator=generator)
    mask = torch.where(torch.rand(20, 30, generator=generator) < 0.7, labels, 4 - labels)
    mask[torch.rand(20, 30, generator=generator) < 0.4] = 255
    mask[mask == 3] = 255
    argument = {"labels": labels.flatten().tolist(), "mask": mask.flatten().tolist()}
    found = javascript(MASK, "maskScores(argument.labels, argument.mask, 5)", argument)
    wanted = mask_scores(labels, mask, 5)
    assert found["pixels"] == wanted.pixels
    assert found["meanIou"] == pytest.approx(wanted.mean_iou)
    assert found["meanDice"] == pytest.approx(wanted.mean_dice)
    assert found["accuracy"] == pytest.approx(wanted.accuracy)
    for one, other in zip(found["classes"], wanted.classes, strict=True):
        assert (one["label"], one["both"]) == (other.label, other.both)
        assert (one["predictedOnly"], one["maskOnly"]) == (other.predicted_only, other.mask_only)
        assert one["dice"] == pytest.approx(2 * one["iou"] / (1 + one["iou"]))


def test_S2_mask_files_are_read_by_number_black_and_white_and_colour(javascript: Callable[..., Any]) -> None:
    def read(pixels: list[list[int]], colours: list[list[int]], size: tuple[int, int] = (2, 2)) -> Any:
        argument = {"pixels": [value for pixel in pixels for value in pixel], "colours": colours}
        expression = f"""(() => {{ const found = maskOfPixels(argument.pixels, {size[1]}, {size[0]}, 2, 2, argument.colours);
          return found.error || [...found.mask]; }})()"""
        return javascript(MASK, expression, argument)

    def gray(*values: int) -> list[list[int]]:
        return [[v, v, v, 255] for v in values]

    two, three = [[10, 20, 30], [40, 50, 60]], [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
    assert read(gray(0, 255, 255, 0), two) == [0, 1, 1, 0]
    assert read(gray(0, 1, 255, 0), two) == [0, 1, 255, 0]
    assert read(gray(0, 2, 255, 1), three) == [0, 2, 255, 1]
    assert read(gray(0, 7, 255, 1), three) == "values"
    coloured = [[70, 80, 90, 255], [10, 20, 30, 255], [0, 0, 0, 0], [40, 50, 60, 255]]
    assert read(coloured, three) == [2, 0, 255, 1]
    assert read([[1, 2, 3, 255], *coloured[1:]], three) == "colours"
    assert read(gray(*range(8)), three, (2, 4)) == "size"


def test_S2_a_stroke_paints_every_pixel_on_its_way(javascript: Callable[..., Any]) -> None:
    expression = """(() => { const mask = new Uint8Array(9 * 12).fill(255);
      paintLine(mask, 9, 12, [1, 1], [7, 10], 0, 3); return [...mask]; })()"""
    mask = np.array(javascript(MASK, expression)).reshape(9, 12)
    assert mask[1, 1] == mask[7, 10] == 3
    assert cv2.connectedComponents((mask == 3).astype(np.uint8), connectivity=8)[0] == 2
    assert (mask == 3).sum() <= 12


@pytest.mark.parametrize("contours", [False, True])
def test_S1_overlay_in_the_browser_is_the_servers(javascript: Callable[..., Any], contours: bool) -> None:
    image = torch.randint(0, 256, (3, 12, 18), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    labels = torch.randint(0, 3, (4, 6), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    colours = class_colours(("sky", "road", "tree"))
    argument = {
        "image": image.flatten().tolist(),
        "labels": labels.flatten().tolist(),
        "colours": colours.tolist(),
    }
    expression = f"""(() => {{ const out = new Uint32Array(12 * 18);
      paintOverlay({{ data: Uint8Array.from(argument.image), shape: [3, 12, 18] }}, {{ data: argument.labels, shape: [4, 6] }},
        argument.colours, 0.5, out, {{ contours: {str(contours).lower()} }});
      return [...new Uint8Array(out.buffer)]; }})()"""
    found = np.array(javascript(OVERLAY, expression, argument)).reshape(12, 18, 4)[..., :3]
    wanted = overlaid(image, labels, colours, 0.5, contours=contours).permute(1, 2, 0).numpy().astype(int)
    assert np.abs(found - wanted).max() <= 1


def test_every_word_is_there() -> None:
    for language in ("en", "ko"):
        words = Words(language, "segmentation", "unet")
        for name, told in screen_words(language)["networks"].items():
            assert words.has(f"net_{name}")
            assert words.has(f"fitting_{name}")
            assert all(words.has(f"picture_{key}") for key in told["fitting"])
            assert len(told["classes"]) == len(told["colours"]) == len(builtin_record(name).categories)
        for arm in ("carried", "raised", "merged", "bottom", "logits"):
            assert words.has(f"block_{arm}")
            assert words.has(f"about_{arm}")


@pytest.mark.parametrize("shape", [(3, 213, 320), (1, 64, 64), (3, 320, 200)])
def test_card(shape: tuple[int, ...]) -> None:
    drawn = card(torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8))
    assert drawn.dtype == np.uint8
    assert drawn.shape[2] == 3
