"""Downloads from a local server: resumed, verified, atomic, and what is said when they fail."""

from __future__ import annotations

import errno
import hashlib
import http.server
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from cnn.weights import pretrained
from cnn.weights.errors import WeightsError
from cnn.weights.pretrained import (
    PRETRAINED,
    PretrainedRecord,
    download,
    is_there,
    load_pretrained,
    pretrained_record,
    verified_path,
    weights_folder,
)


class Server:
    """Serves one file; may cut connections, ignore ranges or answer errors."""

    def __init__(self) -> None:
        self.data = b""
        self.cut_after: list[int] = []
        self.ranges = True
        self.status = 200
        self.requests: list[str] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                begin = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-")
                server.requests.append(begin)
                if server.status != 200:
                    self.send_response(server.status)
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                    self.end_headers()
                    return
                start = int(begin) if server.ranges else 0
                if start > len(server.data):
                    self.send_response(416)
                    self.end_headers()
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(server.data) - start))
                self.end_headers()
                stop = start + server.cut_after.pop(0) if server.cut_after else len(server.data)
                self.wfile.write(server.data[start:stop])

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def record(server: Server) -> PretrainedRecord:
    """A seeded squeezenet in torchvision's place, with its own hash in its name."""
    torch.manual_seed(3)
    buffer = io.BytesIO()
    torch.save(torchvision.models.squeezenet1_1().state_dict(), buffer)
    server.data = buffer.getvalue()
    digest = hashlib.sha256(server.data).hexdigest()[:8]
    file = f"squeezenet1_1-{digest}.pth"
    return replace(pretrained_record("squeezenet1_1"), url=f"{server.url}/{file}", file=file, digest=digest)


def fetched(record: PretrainedRecord, folder: Path) -> Path:
    *_, last = download(record, folder)
    assert last.path is not None
    return last.path


def failed(record: PretrainedRecord, folder: Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        list(download(record, folder))
    return caught.value


def test_every_record_has_what_a_person_needs() -> None:
    assert len({record.name for record in PRETRAINED}) == len(PRETRAINED) > 100
    for record in PRETRAINED:
        assert record.url.startswith("https://download.pytorch.org/")
        assert len(record.digest) >= 8
        assert record.categories
        assert record.megabytes > 0
        assert record.licence
    resnet = pretrained_record("resnet50")
    assert resnet.name == "resnet50/IMAGENET1K_V2"
    assert (resnet.crop, resnet.resize, resnet.digest, len(resnet.categories)) == (224, 232, "11ad3fa6", 1000)
    assert {record.task for record in PRETRAINED} == {"classification", "detection", "segmentation"}
    with pytest.raises(KeyError, match="resnet51"):
        pretrained_record("resnet51")


def test_a_download_reports_progress_and_loads(
    server: Server, record: PretrainedRecord, tmp_path: Path
) -> None:
    assert not is_there(record, tmp_path)
    steps = list(download(record, tmp_path))
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].total == len(server.data)
    assert [path.name for path in tmp_path.iterdir()] == [record.file]
    model = load_pretrained(record, tmp_path)
    assert not model.training
    state = torch.load(io.BytesIO(server.data), weights_only=True)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert fetched(record, tmp_path) == tmp_path / record.file
    assert len(server.requests) == 1


def test_an_interrupted_download_goes_on_where_it_stopped(
    server: Server, record: PretrainedRecord, tmp_path: Path
) -> None:
    server.cut_after = [1_000_000, 500_000]
    path = fetched(record, tmp_path)
    assert path.read_bytes() == server.data
    assert server.requests == ["0", "1000000", "1500000"]


def test_a_part_from_yesterday_is_taken_up(server: Server, record: PretrainedRecord, tmp_path: Path) -> None:
    (tmp_path / f"{record.file}.part").write_bytes(server.data[:12345])
    assert fetched(record, tmp_path).read_bytes() == server.data
    assert server.requests == ["12345"]


def test_a_part_that_is_too_long_is_dropped(server: Server, record: PretrainedRecord, tmp_path: Path) -> None:
    (tmp_path / f"{record.file}.part").write_bytes(bytes(len(server.data) + 5))
    assert fetched(record, tmp_path).read_bytes() == server.data


def test_a_server_without_ranges_starts_anew(
    server: Server, record: PretrainedRecord, tmp_path: Path
) -> None:
    server.ranges = False
    (tmp_path / f"{record.file}.part").write_bytes(bytes(10))
    assert fetched(record, tmp_path).read_bytes() == server.data


def test_a_wrong_file_is_set_aside_and_fetched_again(
    server: Server, record: PretrainedRecord, tmp_path: Path
) -> None:
    good = server.data
    server.data = good[:-1] + bytes([good[-1] ^ 1])
    error = failed(record, tmp_path)
    assert error.code == "bad_download"
    aside = next(tmp_path.iterdir())
    assert ".bad-" in aside.name
    assert aside.name in error.en
    assert aside.name in error.ko
    server.data = good
    assert fetched(record, tmp_path).read_bytes() == good


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "html"])
def test_E4_a_damaged_file_is_noticed_when_read(
    server: Server, record: PretrainedRecord, tmp_path: Path, damage: str
) -> None:
    path = fetched(record, tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 4
    path.write_bytes({"truncate": data[:1000], "empty": b"", "html": b"<html>"}.get(damage, bytes(data)))
    with pytest.raises(WeightsError) as caught:
        load_pretrained(record, tmp_path)
    assert caught.value.code == "bad_download"
    assert not path.exists()
    assert fetched(record, tmp_path).read_bytes() == server.data


def test_E4_without_a_network_the_folder_and_the_file_are_named(
    server: Server, record: PretrainedRecord, tmp_path: Path
) -> None:
    nowhere = replace(record, url="http://127.0.0.1:9/weights.pth")
    error = failed(nowhere, tmp_path / "new")
    assert error.code == "offline"
    for text in (error.en, error.ko):
        assert record.file in text
        assert record.digest in text
        assert str(tmp_path) in text
    with pytest.raises(WeightsError) as caught:
        verified_path(record, tmp_path)
    assert caught.value.code == "not_downloaded"
    (tmp_path / record.file).write_bytes(server.data)
    assert load_pretrained(record, tmp_path) is not None


@pytest.mark.parametrize("status", [404, 302, 503])
def test_errors_and_redirects_are_not_followed(
    server: Server, record: PretrainedRecord, tmp_path: Path, status: int
) -> None:
    server.status = status
    error = failed(record, tmp_path)
    assert error.code == "offline"
    assert str(status) in error.en
    assert list(tmp_path.iterdir()) == []


def test_E3_a_full_disk_is_survived(
    record: PretrainedRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    assert failed(record, tmp_path).code == "disk_full"
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pretrained.os, "fsync", full)
    assert failed(record, tmp_path).code == "disk_full"
    assert list(tmp_path.iterdir()) == []


def test_two_who_fetch_the_same_file_share_it(
    server: Server, record: PretrainedRecord, tmp_path: Path
) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(fetched(record, tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(server.requests) == 1


def test_torch_home_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert weights_folder() == tmp_path / "hub" / "checkpoints"
