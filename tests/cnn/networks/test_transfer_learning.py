"""Transfer learning: heads, caching, unfreezing, stopping, and ZIPs of pictures that nobody should trust."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from sklearn.metrics import confusion_matrix as sklearn_confusion
from torch import Tensor, nn

from cnn.images.errors import ImageError
from cnn.networks.transfer_archive import MAX_PICTURES, pictures_from_zip
from cnn.networks.transfer_augment import SWITCHES, augmented
from cnn.networks.transfer_errors import DataSetError
from cnn.networks.transfer_learning import (
    BATCH,
    TransferSettings,
    TransferStep,
    confusion_matrix,
    feature_arrays,
    transfer_steps,
)
from cnn.networks.transfer_model import (
    RANDOM,
    Backbone,
    backbones,
    build_backbone,
    built_classifier,
    features,
    head_name,
    inputs,
    model_file,
    probabilities,
    replace_head,
    unfreeze,
)
from cnn.networks.transfer_pictures import flowers, held_out, squared
from cnn.weights.builtin import BUILTIN, builtin_record
from cnn.weights.errors import WeightsError


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


TINY = dataclasses.replace(
    Backbone.of(builtin_record("imagenette-resnet")), name=RANDOM, size=32, learn_size=32, categories=()
)
"""A small network with random weights: tests need no trained ones."""


def shades(count: int = 24) -> dict[str, Tensor]:
    """Dark and bright pictures, which any network can tell apart, a third held out."""
    labels = torch.arange(count) % 2
    noise = torch.randint(0, 40, (count, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    pictures = (noise + 180 * labels[:, None, None, None]).to(torch.uint8)
    return {"pictures": pictures, "labels": labels, "held_out": torch.arange(count) % 3 == 0}


def trained(settings: TransferSettings, **options: object) -> list[TransferStep]:
    return list(transfer_steps(settings=settings, backbone=TINY, classes=2, **shades(), **options))  # type: ignore[arg-type]


# -- networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [r.name for r in BUILTIN if r.task == "classification"])
def test_features_times_head_are_the_networks_outputs(name: str) -> None:
    backbone = Backbone.of(builtin_record(name))
    model = builtin_record(name).build().eval()
    x = inputs(torch.randint(0, 256, (3, 3, 160, 160), dtype=torch.uint8), backbone)
    assert x.shape == (3, backbone.channels, backbone.size, backbone.size)
    head = model.get_submodule(head_name(model))
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        torch.testing.assert_close(
            features(model, x) @ head.weight.T + head.bias, model(x), rtol=1e-4, atol=1e-5
        )
    assert replace_head(model, 4, seed=1)(x).shape == (3, 4)


def test_a_network_that_does_not_end_in_linear_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ends in nn\.Linear, got Conv2d"):
        head_name(nn.Sequential(nn.Linear(3, 3), nn.Conv2d(3, 3, 1)))


def test_inputs_are_the_records_normalisation() -> None:
    picture = torch.full((1, 3, 64, 64), 255, dtype=torch.uint8)
    assert torch.allclose(inputs(picture, TINY), torch.full((1, 3, 32, 32), (1 - 0.5) / 0.25), atol=1e-5)


def test_random_weights_are_always_on_offer_and_the_same() -> None:
    random = backbones()[-1]
    assert random.name == RANDOM
    first, second = (build_backbone(random).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_unfreezing_half_lets_the_last_layers_learn() -> None:
    model = built_classifier(TINY, 2, None)
    unfreeze(model, "half")
    flags = [p.requires_grad for p in model.parameters()]
    assert flags == sorted(flags)
    assert any(flags)
    assert not all(flags)
    unfreeze(model, "all")
    assert all(p.requires_grad for p in model.parameters())


# -- training ---------------------------------------------------------------------------------------------------


def test_head_learns_and_nothing_else_changes() -> None:
    records = trained(TransferSettings("head", 12, 0.03))
    last = records[-1]
    assert last.history[0].epoch == 0
    assert last.history[0].train_loss is None
    assert last.history[-1].accuracy == 1.0
    assert last.history[-1].loss < last.history[0].loss
    assert last.trainable == 160 * 2 + 2
    before = build_backbone(TINY).state_dict()
    assert last.state is not None
    assert all(torch.equal(before[name], last.state[name]) for name in before if not name.startswith("head."))
    assert all(record.state is None for record in records[:-1])
    assert [r.step for r in records if r.step] == [*range(1, 12 + 1), 12]


def test_head_equals_a_plain_loop_over_the_cached_features() -> None:
    settings = TransferSettings("head", 5, 0.01, ("mirror", "crop", "colour"))
    arrays = feature_arrays(settings=settings, backbone=TINY, **shades())
    torch.manual_seed(0)
    head = nn.Linear(arrays["views"].shape[2], 2)
    optimiser = torch.optim.AdamW(head.parameters(), lr=0.01, weight_decay=1e-2)
    draws = torch.Generator().manual_seed(0)
    for epoch in range(5):
        for chosen in torch.randperm(len(arrays["labels"]), generator=draws).split(BATCH):
            loss = F.cross_entropy(head(arrays["views"][epoch % 3][chosen]), arrays["labels"][chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    wanted = F.cross_entropy(head(arrays["held"]), arrays["held_labels"]).item()
    assert trained(settings)[-1].history[-1].loss == pytest.approx(wanted, rel=1e-4)


def test_fine_starts_from_the_head_and_keeps_the_batch_norms_statistics() -> None:
    head = trained(TransferSettings("head", 6, 0.03))[-1]
    fine = trained(TransferSettings("fine", 2, 1e-3, SWITCHES), state=head.state)[-1]
    assert fine.history[0].loss == pytest.approx(head.history[-1].loss, rel=1e-4)
    assert head.state is not None
    assert fine.state is not None
    moved = {name for name in head.state if not torch.equal(head.state[name], fine.state[name])}
    assert any(name.startswith("stage1.") for name in moved)
    assert not any("running" in name for name in moved)
    assert fine.trainable == fine.parameters


def test_scratch_starts_from_other_weights_and_learns_statistics() -> None:
    last = trained(TransferSettings("scratch", 2, 1e-3))[-1]
    assert last.state is not None
    assert any("running_mean" in name and bool(tensor.any()) for name, tensor in last.state.items())


def test_the_same_seed_gives_the_same_numbers() -> None:
    runs = [trained(TransferSettings("scratch", 1, 1e-3, SWITCHES, seed=3))[-1].history for _ in range(2)]
    assert runs[0] == runs[1]


def test_stopping_keeps_what_was_learned() -> None:
    job = transfer_steps(settings=TransferSettings("scratch", 50, 1e-3), backbone=TINY, classes=2, **shades())
    next(job)
    ended = job.send({"stop": True})
    assert ended.state is not None
    assert ended.step == 1
    with pytest.raises(StopIteration):
        next(job)


def test_records_travel_and_the_picture_is_followed() -> None:
    data = shades()
    records = list(
        transfer_steps(
            settings=TransferSettings("head", 8, 0.03),
            backbone=TINY,
            classes=2,
            picture=data["pictures"][1],
            **data,
        )
    )
    last = pickle.loads(pickle.dumps(records[-1]))
    assert last.picture.sum().item() == pytest.approx(1, abs=1e-5)
    assert last.picture.argmax() == data["labels"][1]
    model = built_classifier(TINY, 2, last.state).eval()
    assert torch.allclose(
        probabilities(model, data["pictures"][data["held_out"]], TINY), last.probabilities, atol=1e-4
    )


def test_a_persons_own_network_is_transferred_from() -> None:
    first = trained(TransferSettings("scratch", 1, 1e-3))[-1].state
    assert first is not None
    own = dataclasses.replace(TINY, name="s-mine", categories=("dark", "bright"))
    data = shades()
    *_, last = transfer_steps(
        settings=TransferSettings("head", 2, 0.1), backbone=own, classes=3, body=first, **data
    )
    assert last.state is not None
    assert last.state["head.weight"].shape == (3, 160)
    assert all(torch.equal(first[name], last.state[name]) for name in first if not name.startswith("head."))


def test_downloaded_weights_are_on_offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert not [b for b in backbones() if "/" in b.name]
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "resnet18-f37072fd.pth").write_bytes(b"not looked at yet")
    found = [b for b in backbones() if "/" in b.name]
    assert [b.name for b in found] == ["resnet18/IMAGENET1K_V1"]
    assert head_name(built_classifier(found[0], 3, None)) == "fc"
    with pytest.raises(WeightsError):
        build_backbone(found[0])


@pytest.mark.parametrize(
    ("settings", "error"),
    [(("tail", 1, 0.1), "stage"), (("head", 0, 0.1), "epochs"), (("head", 1, 0.1, ("blur",)), "switches")],
)
def test_settings_say_what_was_wanted(settings: tuple[object, ...], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        TransferSettings(*settings)  # type: ignore[arg-type]


def test_fine_without_a_head_is_refused() -> None:
    with pytest.raises(ValueError, match="state"):
        trained(TransferSettings("fine", 1, 0.1))


def test_confusion_matrix_is_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 4, (50,), generator=generator)
    answers = torch.rand(50, 4, generator=generator)
    wanted = sklearn_confusion(labels.numpy(), answers.argmax(1).numpy(), labels=range(4))
    assert np.array_equal(confusion_matrix(labels, answers).numpy(), wanted)


def test_model_file_says_itself_what_it_is(tmp_path: object) -> None:
    state = built_classifier(TINY, 2, None).state_dict()
    path = f"{tmp_path}/model.safetensors"
    with open(path, "wb") as file:
        file.write(model_file(TINY, ("고양이", "dog"), state, "head"))
    with safe_open(path, "pt") as opened:
        assert json.loads(opened.metadata()["categories"]) == ["고양이", "dog"]
        assert opened.metadata()["architecture"] == "imagenette-resnet"
        assert all(torch.equal(opened.get_tensor(name), state[name]) for name in state)


# -- augmentation -----------------------------------------------------------------------------------------------


def test_mirror_gives_the_picture_or_its_mirror() -> None:
    image = torch.rand(1, 3, 16, 16).expand(40, -1, -1, -1)
    changed = augmented(image, ("mirror",), torch.Generator().manual_seed(0))
    same = torch.tensor([torch.allclose(c, image[0], atol=1e-5) for c in changed])
    mirrored = torch.tensor([torch.allclose(c, image[0].flip(-1), atol=1e-5) for c in changed])
    assert bool((same ^ mirrored).all())
    assert 8 < int(mirrored.sum()) < 32


def test_no_switch_changes_nothing_and_all_keep_the_range() -> None:
    image = torch.rand(8, 3, 16, 16)
    assert torch.equal(augmented(image, (), torch.Generator()), image)
    changed = augmented(image, SWITCHES, torch.Generator().manual_seed(0))
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1
    assert not torch.allclose(changed, image, atol=0.05)


# -- pictures ---------------------------------------------------------------------------------------------------


def test_M11_the_flowers_that_ship() -> None:
    data = flowers()
    assert data.categories == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert data.pictures.shape == (300, 3, 160, 160)
    assert torch.bincount(data.training[1]).tolist() == [48] * 5
    assert torch.bincount(data.validation[1]).tolist() == [12] * 5


def test_squared_takes_the_middle() -> None:
    image = torch.zeros(1, 40, 80, dtype=torch.uint8)
    image[:, :, 20:60] = 200
    assert squared(image, 16).shape == (3, 16, 16)
    assert int(squared(image, 16).min()) == 200


def test_held_out_is_a_fifth_of_each_kind_unless_given() -> None:
    drawn = held_out([0] * 10 + [1] * 3, [None] * 13)
    assert int(drawn[:10].sum()) == 2
    assert int(drawn[10:].sum()) == 1
    assert held_out([0, 0, 1, 1], [True, False, False, True]).tolist() == [True, False, False, True]
    assert int(held_out([0, 0], [True, True]).sum()) == 1  # nothing would be left to learn from


# -- ZIP files --------------------------------------------------------------------------------------------------


def png(value: int, side: int = 8) -> bytes:
    return bytes(cv2.imencode(".png", np.full((side, side, 3), value, np.uint8))[1].tobytes())


def opened(data: bytes) -> Tensor:
    """A stand-in for `load_image` (which needs a process): PNG only."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ImageError("unknown_kind")
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def packed(files: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


TWO_KINDS = {f"{kind}/{n}.png": png(50 * n + 10) for kind in ("cat", "dog") for n in range(4)}


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_folders_are_labels(kind: int) -> None:
    data = pictures_from_zip(packed({f"mine/{name}": c for name, c in TWO_KINDS.items()}, kind), load=opened)
    assert data.categories == ("cat", "dog")
    assert torch.bincount(data.labels).tolist() == [4, 4]
    assert int(data.held_out.sum()) == 2
    assert data.pictures[:, 0, 0, 0].tolist() == [10, 60, 110, 160] * 2


def test_a_split_that_comes_with_the_files_is_kept() -> None:
    files = {
        f"{split}/{kind}/{n}.png": png(n) for split in ("train", "val") for kind in "ab" for n in range(3)
    }
    data = pictures_from_zip(packed(files), load=opened)
    assert data.categories == ("a", "b")
    assert int(data.held_out.sum()) == 6


def test_any_pictures_will_do_where_no_labels_are_wanted() -> None:
    (name, content), *_ = TWO_KINDS.items()
    data = pictures_from_zip(packed({"one.jpg": content, name: content}), load=opened, labelled=False)
    assert len(data.pictures) == 2
    assert "–" in data.categories
    with pytest.raises(DataSetError, match="no picture"):
        pictures_from_zip(packed({"notes.txt": b"x"}), load=opened, labelled=False)
    with pytest.raises(DataSetError, match="two folders"):
        pictures_from_zip(packed({"one.jpg": content}), load=opened)


def test_odd_files_are_listed_and_left_out() -> None:
    odd = {
        "__MACOSX/cat/._1.png": b"x", "cat/.DS_Store": b"x", "cat/notes.txt": b"hello", "loose.png": png(1),
        "bird/only.png": png(3), "dog/inner.zip": packed({"cat/1.png": png(1)}), "../../etc/evil.png": png(9),
    }  # fmt: skip
    data = pictures_from_zip(packed(TWO_KINDS | odd), load=opened)
    assert data.categories == ("cat", "dog")
    assert {s.name for s in data.skipped} == {"cat/notes.txt", "loose.png", "bird", "dog/inner.zip", "etc"}
    assert all(s.en and s.ko for s in data.skipped)


def test_a_korean_windows_name_is_read() -> None:
    name = "고양이/1.png".encode("cp949").decode("cp437")
    content = packed({"고양이/2.png": png(2), "개/1.png": png(3), "개/2.png": png(4), name: png(1)})
    raw = "고양이/1.png".encode("cp949")
    patched = content.replace(name.encode("utf-8"), raw + b" " * (len(name.encode()) - len(raw)))
    assert patched != content
    flags = bytearray(patched)
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = flags.rfind(signature)
        flags[at + place : at + place + 2] = b"\0\0"
    data = pictures_from_zip(bytes(flags), load=opened)
    assert data.categories == ("개", "고양이")


def encrypted() -> bytes:
    content = bytearray(packed(TWO_KINDS))
    at = content.find(b"PK\1\2")
    content[at + 8] |= 1
    return bytes(content)


def declared_huge() -> bytes:
    content = bytearray(packed(TWO_KINDS))
    at = content.find(b"PK\1\2")
    content[at + 24 : at + 28] = struct.pack("<I", 3_000_000_000)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no_zip"),
        (b"PK\3\4 but no more", "no_zip"),
        (packed(TWO_KINDS)[:-30], "no_zip"),
        (packed({}), "too_few"),
        (packed({"cat/1.png": png(1), "cat/2.png": png(2)}), "too_few"),
        (packed({f"{n % 3}/{n}.png": b"x" for n in range(MAX_PICTURES + 1)}), "too_many_pictures"),
        (packed({f"{n}/{n}.png": b"x" for n in range(21)}), "too_many_categories"),
        (packed({f"a/{n}.png": b"" for n in range(2500)}), "too_many_files"),
        (packed({f"a/{n}.png": bytes(1_000_000) for n in range(130)}, zipfile.ZIP_DEFLATED), "bomb"),
        (encrypted(), "encrypted"),
        (declared_huge(), "bomb"),
    ],
    ids=[
        "empty",
        "no_end",
        "cut",
        "none",
        "one_kind",
        "many",
        "kinds",
        "files",
        "bomb",
        "locked",
        "declared",
    ],
)
def test_a_zip_that_cannot_be_used_gets_one_sentence(content: bytes, code: str) -> None:
    with pytest.raises(DataSetError) as caught:
        pictures_from_zip(content, load=opened)
    assert caught.value.code == code
    for language in ("en", "ko"):
        assert "{" not in caught.value.sentence(language)


def test_a_member_that_lies_about_its_size_is_left_out() -> None:
    content = bytearray(packed(TWO_KINDS | {"cat/bomb.png": bytes(500_000)}, zipfile.ZIP_DEFLATED))
    for signature, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = content.rfind(signature)
        content[at + place : at + place + 4] = struct.pack("<I", 100)
    data = pictures_from_zip(bytes(content), load=opened)
    assert [s.name for s in data.skipped] == ["cat/bomb.png"]


@pytest.mark.parametrize("cut", range(0, 2000, 97))
def test_fault_B3_any_damage_ends_in_pictures_or_one_sentence(cut: int) -> None:
    content = bytearray(packed(TWO_KINDS, zipfile.ZIP_DEFLATED))
    content[cut % len(content)] ^= 0xFF
    try:
        categories = pictures_from_zip(bytes(content), load=opened).categories
    except DataSetError as error:
        categories = (error.code, error.sentence("ko"))
    assert len(categories) >= 2
