"""Weights files: good ones arrive exactly, hostile ones are refused in words and run nothing."""

from __future__ import annotations

import io
import json
import pickle
import struct
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from cnn.models.registry import build_model
from cnn.weights.errors import SENTENCES, WeightsError
from cnn.weights.load import LIMIT, load_weights


def saved(value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def refused(data: bytes | Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load_weights(data)
    assert caught.value.en != caught.value.ko
    return caught.value


STATE = {"a.weight": torch.randn(3, 4), "a.bias": torch.randn(3), "n": torch.tensor(7)}


def same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert list(found) == list(wanted)
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int8, torch.bool]
)
def test_safetensors_arrive_exactly(dtype: torch.dtype) -> None:
    state = {"x": (torch.randn(3, 5) * 4).to(dtype), "empty": torch.zeros(0, 2), "one": torch.tensor([1.5])}
    found = load_weights(save(state))
    assert set(found) == set(state)
    for name in state:
        assert torch.equal(found[name], state[name])


def test_state_dicts_arrive_exactly(tmp_path: Path) -> None:
    same(load_weights(saved(STATE)), STATE)
    same(load_weights(saved(OrderedDict(STATE))), STATE)
    same(load_weights(saved({"state_dict": STATE, "epoch": 3})), STATE)
    path = tmp_path / "weights.bin"
    path.write_bytes(saved({name: nn.Parameter(t) for name, t in STATE.items() if t.is_floating_point()}))
    assert torch.equal(load_weights(path)["a.weight"], STATE["a.weight"])
    resnet = build_model("lenet5").state_dict()
    same(load_weights(saved(resnet)), dict(resnet))


def test_views_come_as_tensors_of_their_own() -> None:
    whole = torch.randn(4, 6)
    found = load_weights(saved({"t": whole.t(), "row": whole[1]}))
    assert torch.equal(found["t"], whole.t())
    assert found["t"].is_contiguous()
    assert torch.equal(found["row"], whole[1])


class Runs:
    """Unpickled, it calls a function."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


def with_pickle(text: bytes, name: str = "archive/data.pkl", compress: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compress) as archive:
        archive.writestr(name, text)
        archive.writestr("archive/version", "3")
        archive.writestr("archive/data/0", b"\0" * 48)
    return buffer.getvalue()


def exploits(marker: Path) -> dict[str, bytes]:
    import builtins
    import os
    import subprocess

    touch = f"touch {marker}"
    write = f"open({str(marker)!r}, 'w').close()"
    found: dict[str, bytes] = {}
    calls = {
        "system": Runs(os.system, touch),
        "eval": Runs(builtins.eval, write),
        "exec": Runs(builtins.exec, write),
        "popen": Runs(os.popen, touch),
        "subprocess": Runs(subprocess.run, ["touch", str(marker)]),
        "open": Runs(builtins.open, str(marker), "w"),
        "getattr": Runs(getattr, Runs(__import__, "os"), "system"),
    }
    for name, call in calls.items():
        found[f"zip {name}"] = saved(call)
        found[f"zip {name} among weights"] = saved({**STATE, "z": call})
        found[f"raw {name}"] = pickle.dumps({"w": call})
        found[f"legacy {name}"] = saved({"w": call}, _use_new_zipfile_serialization=False)
        for protocol in (0, 2, 4):
            text = pickle.dumps(call, protocol)
            found[f"zip protocol {protocol} {name}"] = with_pickle(text)
            found[f"raw protocol {protocol} {name}"] = text
    found["inst"] = with_pickle(b"(S'" + touch.encode() + b"'\nios\nsystem\n.")
    found["global in a list"] = with_pickle(b"\x80\x02]q\x00cposix\nsystem\nq\x01a.")
    found["build"] = with_pickle(
        b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81}X\x01\x00\x00\x00aK\x01sb."
    )
    found["hub"] = with_pickle(b"\x80\x02ctorch.hub\nload\nX\x03\x00\x00\x00a/b\x85R.")
    found["pickle behind a header"] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + pickle.dumps(
        calls["system"]
    )
    return found


def test_B1_no_pickle_is_ever_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    corpus = exploits(marker)
    assert len(corpus) > 60
    for name, data in corpus.items():
        error = refused(data)
        assert error.code in {"code", "pickle", "kind", "damaged"}, (name, error.code)
        assert not marker.exists(), name


def test_B1_code_is_named() -> None:
    import os

    error = refused(saved({"w": Runs(os.system, "true")}))
    assert error.code == "code"
    assert "system" in error.en
    assert "state_dict" in error.en
    assert "system" in error.ko


def test_B1_whole_models_and_scripts_are_refused_with_how_to_export() -> None:
    model = build_model("lenet5")
    assert refused(saved(model)).code == "code"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/code/__torch__.py", "")
        archive.writestr("m/constants.pkl", "")
        archive.writestr("m/data.pkl", "")
    assert refused(buffer.getvalue()).code == "torchscript"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/archive_format", "pt2")
    assert refused(buffer.getvalue()).code == "exported_program"
    for code in ("torchscript", "exported_program", "pickle"):
        assert "state_dict" in WeightsError(code).en


def header(entries: dict[str, Any] | bytes, body: bytes = b"") -> bytes:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(shape: Any, first: int, last: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


LYING_SAFETENSORS = {
    "shape too large": header({"a": entry([2, 2], 0, 4)}, bytes(4)),
    "shape too small": header({"a": entry([1], 0, 8)}, bytes(8)),
    "shape overflows": header({"a": entry([2**32, 2**32], 0, 0)}),
    "negative": header({"a": entry([-1], 0, 4)}, bytes(4)),
    "not whole": header({"a": entry([1.0], 0, 4)}, bytes(4)),
    "a truth": header({"a": entry([True], 0, 4)}, bytes(4)),
    "nine sizes": header({"a": entry([1] * 9, 0, 4)}, bytes(4)),
    "overlap": header({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, bytes(4)),
    "gap": header({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12)),
    "bytes left": header({"a": entry([1], 0, 4)}, bytes(8)),
    "past the end": header({"a": entry([2], 0, 8)}, bytes(4)),
    "backwards": header({"a": entry([1], 4, 0)}, bytes(4)),
    "complex": header({"a": entry([1], 0, 8, "C64")}, bytes(8)),
    "float8": header({"a": entry([1], 0, 1, "F8_E4M3")}, bytes(1)),
    "dtype a list": header({"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    "more keys": header({"a": {**entry([1], 0, 4), "code": "x"}}, bytes(4)),
    "a list": header(b"{}  [1]"),
    "no json": header(b'{"a": '),
    "twice": header(
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        bytes(4),
    ),
    "deep": header(b'{"a":' + b"[" * 100_000),
    "not utf-8": header(b'{"\xff": 1}'),
    "length lies": struct.pack("<Q", 2**60) + b"{}",
    "length beyond": struct.pack("<Q", 100) + b"{}",
    "5000 tensors": header({str(n): entry([0], 0, 0) for n in range(5000)}),
    "odd name": header({"a\u202eb\n": entry([1], 0, 4)}, bytes(4)),
    "long name": header({"a" * 501: entry([1], 0, 4)}, bytes(4)),
    "bool of 7": header({"a": entry([1], 0, 1, "BOOL")}, b"\x07"),
    "nothing": header({}),
    "nan": header({"a": entry([1], 0, 4)}, struct.pack("<f", float("nan"))),
    "infinite": header({"a": entry([2], 0, 8)}, struct.pack("<ff", 1.0, float("inf"))),
    "half infinite": header({"a": entry([1], 0, 2, "F16")}, b"\x00\x7c"),
}


@pytest.mark.parametrize("name", list(LYING_SAFETENSORS))
def test_B2_lying_safetensors(name: str) -> None:
    begin = time.perf_counter()
    error = refused(LYING_SAFETENSORS[name])
    assert error.code in {"header", "tensor", "no_tensors"}
    assert time.perf_counter() - begin < 1


def lying_archives() -> dict[str, bytes]:
    eye = torch.eye(3)
    return {
        "sparse": saved({"a": eye.to_sparse()}),
        "sparse rows": saved({"a": eye.to_sparse_csr()}),
        "complex": saved({"a": torch.ones(2, dtype=torch.complex64)}),
        "expanded": saved({"a": torch.ones(1).expand(10_000, 10_000)}),
        "overlapping": saved({"a": torch.ones(10).as_strided((5, 5), (1, 1))}),
        "quantized": saved({"a": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}),
        "nan": saved({"a": torch.tensor([1.0, float("nan")])}),
        "infinite": saved({"a": torch.tensor([float("-inf")])}),
        "meta": saved({"a": torch.ones(3, device="meta")}),
        "a number": saved({"a": 3}),
        "a list": saved([torch.ones(2)]),
        "a tensor": saved(torch.ones(2)),
        "nothing": saved({}),
        "numbers as names": saved({1: torch.ones(2)}),
        "odd name": saved({"a\x1b[31m": torch.ones(2)}),
        "shared many times": saved(
            {str(n): torch.ones(1000).view(10, 100) for n in range(1)}
            | dict.fromkeys(map(str, range(2000)), torch.ones(5000))
        ),
    }


def test_B2_lying_archives() -> None:
    for name, data in lying_archives().items():
        error = refused(data)
        assert error.code in {"tensor", "no_tensors", "code", "damaged"}, (name, error.code)


def test_B3_archives_that_are_not_plain() -> None:
    good = saved(STATE)
    members = zipfile.ZipFile(io.BytesIO(good))

    def rebuilt(compress: int = zipfile.ZIP_STORED, extra: int = 0, twice: bool = False) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", compress) as archive:
            for info in members.infolist():
                archive.writestr(info.filename, members.read(info))
            for number in range(extra):
                archive.writestr(f"archive/more/{number}", b"")
            if twice:
                with pytest.warns(UserWarning, match="Duplicate"):
                    archive.writestr(members.namelist()[0], b"other")
        return buffer.getvalue()

    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50 * 2**20))
    flipped = bytearray(good)
    flipped[good.index(STATE["a.weight"].numpy().tobytes())] ^= 1
    cases = {
        "compressed": (rebuilt(zipfile.ZIP_DEFLATED), "archive"),
        "bomb": (bomb.getvalue(), "archive"),
        "20,000 members": (rebuilt(extra=20_000), "archive"),
        "a member twice": (rebuilt(twice=True), "archive"),
        "no pickle": (with_pickle(b"", name="archive/other"), "archive"),
        "truncated": (good[: len(good) // 2], "damaged"),
        "a flipped bit": (bytes(flipped), "damaged"),
        "no directory": (b"PK\x03\x04" + bytes(100), "damaged"),
        "large pickle": (with_pickle(b"\x80\x02" + b"N0" * 5_000_000 + b"."), "archive"),
        "deep": (with_pickle(b"\x80\x02" + b"]" * 1_000_000 + b"."), "no_tensors"),
    }
    assert load_weights(rebuilt())
    for name, (data, code) in cases.items():
        assert refused(data).code == code, name


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "kind"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 5\n", "kind"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "kind"),
        (b"GGUF" + bytes(100), "kind"),
        (b"\x93NUMPY" + bytes(100), "kind"),
        (b"hello", "kind"),
        (b"\x08\x07\x12\x07onnx.py" + bytes(50), "onnx"),
    ],
)
def test_other_files_are_named(data: bytes, code: str) -> None:
    assert refused(data).code == code


def test_size_and_absence(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LIMIT + 1)
    assert refused(path).code == "too_large"
    assert refused(tmp_path / "none").code == "missing"


def test_every_sentence_is_there_in_both_languages() -> None:
    for code, (english, korean) in SENTENCES.items():
        assert english != korean, code
        assert any("가" <= letter <= "힣" for letter in korean), code
