"""What the segmentation screen sends, tells apart, gives away and prints as code."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

import app.figures.segmentation.segment_network as network_module
from app.figures.segmentation.classes import FITTING
from app.figures.segmentation.segment import card, live_block, network_words, segment_block
from app.figures.segmentation.segment_camera import camera_answer
from app.figures.segmentation.segment_files import pytorch_code, segment_files
from app.figures.segmentation.segment_network import settings_of, shown_picture
from app.language import Words
from app.open_models import NetworkError, offers, open_network
from app.pictures import picture_of
from app.routes.camera import CameraFrame
from app.wire import unpack
from cnn.models.cache import MODEL_CACHE
from cnn.segmentation.colours import class_colours
from cnn.segmentation.regions import areas, instance_labels
from cnn.segmentation.segment import network_input, segment
from cnn.segmentation.video_frames import coded_labels
from cnn.weights.builtin import STREET
from cnn.weights.pretrained import _BY_NAME, pretrained_record
from tests.cnn.detection.detectors import detector

RUNS = "segment/label_runs.js"


def street() -> Any:
    return open_network("unet-street", "")


def test_S1_S2_every_pixels_class_is_the_networks_largest_score() -> None:
    picture, network = picture_of("temple"), street()
    header, arrays = unpack(segment_block(picture, network, settings_of({})))
    x = network_input(network.model, shown_picture(picture))
    with torch.inference_mode():
        logits = network.model(x)
    size = arrays["labels"].shape
    assert size == shown_picture(picture).shape[1:]
    spread = torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False)[0]
    assert np.array_equal(arrays["labels"], spread.argmax(0).numpy())
    assert arrays["tiles"].shape[0] == len(STREET) == header["result"]["classes"]
    asked = {"net": "unet-street", "session": "", "pixel": [100, 7], "id": 3}
    told, nothing = unpack(live_block(asked, lambda: picture))
    assert not nothing
    assert (told["id"], told["pixel"]["row"], told["pixel"]["column"]) == (3, 100, 7)
    wanted = spread[:, 100, 7].softmax(0)
    assert torch.allclose(torch.tensor(told["pixel"]["scores"]), wanted, atol=1e-6)


def test_S1_one_classes_probabilities_in_full() -> None:
    picture = picture_of("temple")
    header, arrays = unpack(segment_block(picture, street(), settings_of({"view": "map", "cls": 5})))
    found = segment(street().model, shown_picture(picture))
    assert header["map"]["label"] == 5
    assert np.allclose(arrays["map"], found.probabilities[5].numpy(), atol=1e-6)
    most = unpack(segment_block(picture, street(), settings_of({"view": "map", "cls": 99})))[0]["map"][
        "label"
    ]
    assert most == areas(found.labels, found.categories)[0].label


def test_S1_pieces_stand_in_for_objects_and_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.hub.get_dir", lambda: "/nowhere")
    header, arrays = unpack(segment_block(picture_of("temple"), street(), settings_of({"view": "objects"})))
    objects = header["objects"]
    assert objects["kind"] == "pieces"
    assert objects["missing"]["file"].startswith("maskrcnn_resnet50_fpn_coco-")
    assert "nowhere" not in json.dumps(objects), "no path of the server's is told"
    assert arrays["objects"].max() == len(objects["en"]) == len(objects["ko"])
    labels, colours = arrays["labels"], set()
    for number, name in enumerate(objects["en"], start=1):
        inside = set(labels[arrays["objects"] == number].tolist())
        assert len(inside) == 1, "a piece is of one class"
        colours.add((name, *inside))
    assert len({label for _, label in colours}) == len(colours)


def test_S1_instances_are_told_apart_where_mask_rcnn_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnn.detection.detect import detect

    monkeypatch.setattr(network_module, "instance_file", lambda: None)
    monkeypatch.setattr("app.figures.segmentation.segment.instance_file", lambda: None)
    monkeypatch.setattr(network_module, "instance_model", lambda: detector("mask"))
    monkeypatch.setattr(network_module, "INSTANCE_SCORE", 0.2)
    picture = picture_of("coffee")
    header, arrays = unpack(segment_block(picture, street(), settings_of({"view": "objects"})))
    found = detect(detector("mask"), shown_picture(picture), score_threshold=0.2)
    assert header["objects"]["kind"] == "objects"
    assert header["objects"]["missing"] is None
    assert len(header["objects"]["en"]) == len(found.boxes) > 1
    assert np.array_equal(arrays["objects"], instance_labels(found.masks, found.scores).numpy())


def test_fault_E4_a_damaged_mask_rcnn_is_set_aside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    path = tmp_path / "checkpoints" / pretrained_record(network_module.INSTANCE_NETWORK).file
    path.parent.mkdir()
    path.write_bytes(b"not these weights")
    header, _ = unpack(segment_block(picture_of("clock"), street(), settings_of({"view": "objects"})))
    assert header["objects"]["kind"] == "pieces"
    assert header["objects"]["missing"]["file"] == path.name
    assert not path.exists()


def test_S1_code_and_files_give_the_screens_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, network, settings = picture_of("camera"), street(), settings_of({"view": "contours"})
    _, arrays = unpack(segment_block(picture, network, settings))
    files = {name: make() for name, _, make, _ in segment_files(picture, network, settings)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(pytorch_code(network), space)
    assert np.array_equal(space["found"].labels.numpy(), arrays["labels"])
    stored = np.load(io.BytesIO(files["npz"]))
    assert np.array_equal(stored["labels"], arrays["labels"])
    assert np.allclose(stored["probabilities"], space["found"].probabilities.numpy(), atol=1e-6)
    indexed = cv2.imdecode(np.frombuffer(files["labels"], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(indexed, class_colours(STREET).numpy()[arrays["labels"]])
    rows = list(csv.DictReader(io.StringIO(files["csv"].decode())))
    assert sum(int(row["pixels"]) for row in rows) == arrays["labels"].size
    assert int(rows[0]["pixels"]) == (arrays["labels"] == int(rows[0]["label"])).sum()
    told = json.loads(files["outlines"])
    assert told["outlines"][0]["class"] in STREET
    assert (
        cv2.imdecode(np.frombuffer(files["overlay"], np.uint8), cv2.IMREAD_COLOR).shape[:2]
        == arrays["labels"].shape
    )


def test_what_the_browser_has_is_not_sent_again() -> None:
    picture, settings = picture_of("temple"), {"view": "map", "px": 3, "py": 4}
    header, _ = unpack(segment_block(picture, street(), settings_of(settings)))
    ids = [header[part]["id"] for part in ("picture", "result", "map")]
    asked = {"net": "unet-street", "settings": settings, "known": ids}
    again, left = unpack(live_block(asked, lambda: picture))
    assert not left
    assert (again["pixel"]["row"], again["pixel"]["column"]) == (4, 3)


@pytest.mark.parametrize(
    "junk", [None, [], "x", {"view": 3, "opacity": "NaN"}, {"px": 1e99, "py": -7, "cls": "٣"}]
)
def test_fault_C1_junk_over_the_socket_gives_a_block(junk: Any) -> None:
    asked = {"net": "unet-street", "settings": junk, "known": {"a": 1}}
    assert unpack(live_block(asked, lambda: picture_of("temple")))[1]["labels"].size
    asked = {"net": "unet-street", "pixel": [junk, 1e30, "x"]}
    assert unpack(live_block(asked, lambda: picture_of("temple")))[0]["pixel"]["row"] >= 0
    with pytest.raises(NetworkError):
        live_block({"net": "../../etc"}, lambda: picture_of("temple"))


@pytest.mark.parametrize("key", ["lenet5-mnist", "random.yolo.0"])
def test_another_kind_of_network_says_so(key: str) -> None:
    header, arrays = unpack(segment_block(picture_of("temple"), open_network(key, ""), settings_of({})))
    assert header["error"] == "no_classes"
    assert set(arrays) == {"image"}


def test_S1_torchvisions_networks_run_once_their_file_is_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "lraspp_mobilenet_v3_large/COCO_WITH_VOC_LABELS_V1"
    record = pretrained_record(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21).eval()
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    with pytest.raises(NetworkError):
        open_network(name, "")
    path = tmp_path / "checkpoints" / record.file
    path.parent.mkdir()
    torch.save(model.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    monkeypatch.setitem(_BY_NAME, name, replace(record, digest=digest))
    assert name in [offer.key for offer in offers(("segmentation",), "")]
    try:
        network, picture = open_network(name, ""), picture_of("clock")
        header, arrays = unpack(segment_block(picture, network, settings_of({})))
    finally:
        MODEL_CACHE.drop(("pretrained", name))
    assert np.array_equal(arrays["labels"], segment(model, shown_picture(picture)).labels.numpy())
    assert header["result"]["classes"] == 21
    assert network_words(network, record.categories, "ko")["classes"][15] == "사람"


def test_S1_a_cameras_frame_gets_its_classes() -> None:
    pixels = torch.randint(0, 256, (3, 90, 120), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    frame = CameraFrame(pixels, "", 0.0)
    header, arrays = camera_answer({"net": "unet-street", "junk": []}, frame)
    assert header["net"] == "unet-street"
    assert arrays["labels"].shape == (90, 120)
    exact = segment(street().model, pixels).labels.numpy()
    assert (arrays["labels"] == exact).mean() > 0.9
    with pytest.raises(NetworkError):
        camera_answer({}, frame)


def test_S1_a_videos_labels_are_read_in_the_browser(javascript: Callable[..., Any]) -> None:
    labels = torch.randint(0, 11, (30, 40), generator=torch.Generator().manual_seed(4)).to(torch.uint8)
    labels[10:20] = 3
    coded = list(coded_labels(labels, class_colours(STREET)))
    expression = """(() => { const found = labelsOfRuns(Uint8Array.from(argument));
      return { labels: [...found.labels.data], shape: found.labels.shape, colours: found.colours, counts: [...countedLabels(found.labels, 11)] }; })()"""
    found = javascript(RUNS, expression, coded)
    assert found["shape"] == [30, 40]
    assert found["labels"] == labels.flatten().tolist()
    assert found["colours"] == class_colours(STREET).tolist()
    counts = {area.label: area.pixels for area in areas(labels, STREET)}
    assert found["counts"] == [counts.get(label, 0) for label in range(11)]


def test_every_word_is_there() -> None:
    for language in ("en", "ko"):
        words = Words(language, "segmentation", "segment")
        for name, suiting in FITTING.items():
            assert words.has(f"fitting_{name}")
            assert all(words.has(f"picture_{key}") for key in suiting)


@pytest.mark.parametrize("shape", [(3, 213, 320), (1, 64, 64), (3, 320, 200)])
def test_card(shape: tuple[int, ...]) -> None:
    drawn = card(torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8))
    assert drawn.dtype == np.uint8
    assert drawn.shape[2] == 3
