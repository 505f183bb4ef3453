"""The networks that ship: their files are whole, their cards are honest, and each one runs."""

import hashlib
import json
import shutil

import pytest
import torch

from cnn.weights import builtin
from cnn.weights.builtin import (
    BUILTIN,
    WEIGHTS_FOLDER,
    BuiltinError,
    available,
    builtin_record,
    card,
    load_builtin,
    normalised,
)

SHIPPED = available()


def test_the_names_are_unique_and_the_inputs_are_described():
    assert len({r.name for r in BUILTIN}) == len(BUILTIN)
    for record in BUILTIN:
        assert len(record.mean) == len(record.std) == record.channels
        assert record.task in ("classification", "detection", "segmentation", "embedding", "style")
        if record.task in ("classification", "detection", "segmentation"):
            assert len(set(record.categories)) == len(record.categories) >= 2


def test_every_file_in_the_folder_belongs_to_a_record():
    names = {path.stem for path in WEIGHTS_FOLDER.glob("*.safetensors")}
    assert names <= {r.name for r in BUILTIN}
    assert names == set(SHIPPED)


def test_all_weights_together_stay_under_40_megabytes():
    assert sum(path.stat().st_size for path in WEIGHTS_FOLDER.iterdir()) < 40_000_000


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_loads_frozen_in_eval_mode_and_gives_finite_outputs(name):
    record, model = builtin_record(name), load_builtin(name)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert all(p.dtype == torch.float32 for p in model.parameters())
    height, width = (min(96, side) or 64 for side in record.input_size)
    with torch.inference_mode():
        out = model(normalised(torch.rand(1, record.channels, height, width), record))
    assert torch.isfinite(out).all()
    if record.task == "classification":
        assert out.shape == (1, len(record.categories))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_tells_data_command_scores_licence_and_what_it_is_not_for(name):
    content = card(name)
    wanted = {
        "trained_on",
        "data_licence",
        "command",
        "seed",
        "minutes",
        "scores",
        "not_for",
        "sha256",
        "parameters",
    }
    assert wanted <= set(content)
    assert content["parameters"] == sum(p.numel() for p in builtin_record(name).build().parameters())
    assert content["scores"]
    file = (WEIGHTS_FOLDER / f"{name}.safetensors").read_bytes()
    assert content["sha256"] == hashlib.sha256(file).hexdigest()


@pytest.fixture
def copied(tmp_path):
    name = SHIPPED[0]
    for ending in ("safetensors", "json"):
        shutil.copy(WEIGHTS_FOLDER / f"{name}.{ending}", tmp_path)
    return name, tmp_path


def test_one_flipped_bit_is_noticed(copied):
    name, folder = copied
    path = folder / f"{name}.safetensors"
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    with pytest.raises(BuiltinError, match="damaged: wanted sha256"):
        load_builtin(name, folder=folder)


def test_a_missing_file_names_itself_and_the_command_that_makes_it(copied):
    name, folder = copied
    (folder / f"{name}.safetensors").unlink()
    with pytest.raises(BuiltinError, match=f"python -m cnn.training.builtin {name}"):
        load_builtin(name, folder=folder)


def test_a_broken_card_is_named(copied):
    name, folder = copied
    (folder / f"{name}.json").write_text("{")
    with pytest.raises(BuiltinError, match="card"):
        load_builtin(name, folder=folder)


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(KeyError, match="lenet5-mnist"):
        load_builtin("lenet6")


def test_two_loads_are_two_networks():
    first, second = load_builtin(SHIPPED[0]), load_builtin(SHIPPED[0])
    next(iter(first.parameters())).zero_()
    assert next(iter(second.parameters())).abs().sum() > 0


def test_available_leaves_out_what_has_no_card(copied, monkeypatch):
    name, folder = copied
    monkeypatch.setattr(builtin, "WEIGHTS_FOLDER", folder)
    assert builtin.available() == (name,)
    assert json.loads((folder / f"{name}.json").read_text())["name"] == name
    (folder / f"{name}.json").unlink()
    assert builtin.available() == ()
