"""Videos come in bounded and checked, and a run's frames go out, to the session that began it only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from app import session, video_runs, videos
from app.routes import videos as routes
from app.uploads import UploadStore
from app.video_runs import VideoRun, VideoRuns
from app.wire import unpack
from cnn.detection.detect import detections
from cnn.detection.record import stored_raw
from cnn.detection.video import raw_video
from cnn.detection.video_run import drawn_frame, frame_parts
from cnn.images.camera_frame import camera_frame
from cnn.images.gallery import picture
from cnn.images.pan import pan_clip
from cnn.jobs import leave
from cnn.video import opened_video


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    monkeypatch.setattr(session, "is_connected", lambda name: name in ("here", "there"))
    monkeypatch.setattr(videos, "VIDEOS", UploadStore(tmp_path / "videos"))
    monkeypatch.setattr(routes, "RUNS", VideoRuns(tmp_path / "runs"))
    app = Starlette(
        routes=[
            Route(routes.VIDEO_PATH, routes.upload, methods=["POST"]),
            Route(routes.RUN_PATH, routes.frames, methods=["GET"]),
            Route(routes.RUN_PATH, routes.act, methods=["POST"]),
            Route(routes.MP4_PATH, routes.mp4, methods=["GET"]),
        ]
    )
    with TestClient(app, base_url="http://localhost") as running:
        yield running


def told(name: str = "here") -> dict[str, str]:
    return {"x-convscope-token": session.token_of(name), "origin": "http://localhost", "host": "localhost"}


def clip(folder: Path) -> bytes:
    pan_clip(folder / "clip.avi", picture("cells_neutrophil"))
    return (folder / "clip.avi").read_bytes()


def begun(client: TestClient, key: str, *, frames: int = 6) -> VideoRun:
    parameters = {
        "source": videos.video_source(key),
        "model": "yolo-cells",
        "max_side": 320,
        "max_frames": frames,
    }
    return routes.RUNS.start(
        "here", "detect", video=raw_video, encode=frame_parts, draw=drawn_frame, parameters=parameters
    )


def state_of(client: TestClient, run: VideoRun, **query: int) -> dict[str, Any]:
    reply = client.get(f"/convscope/runs/{run.key}", params=query, headers=told())
    assert reply.status_code == 200
    header, arrays = unpack(reply.content)
    return {**header, "data": arrays["data"]}


def until(ready: Any, seconds: float = 90.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come in time")


def test_O9_a_video_goes_through_the_network_is_scrubbed_and_comes_out_as_mp4(
    client: TestClient, tmp_path: Path
) -> None:
    answer = client.post("/convscope/video", content=clip(tmp_path), headers=told()).json()
    assert answer["facts"] == {"width": 480, "height": 360, "fps": 12.0, "frames": 48, "seconds": 4.0}
    run = begun(client, answer["key"])
    done = until(lambda: (s := state_of(client, run, **{"from": 0, "count": 9}))["state"] == "finished" and s)
    assert (done["frame"], done["available"], len(done["frames"])) == (6, 6, 6)
    offset = 0
    for number, place in enumerate(done["frames"]):
        assert place["number"] == number
        middle = offset + place["picture"]
        shown = camera_frame(done["data"][offset:middle].tobytes())
        assert shown.shape == (3, 240, 320)
        found = detections(stored_raw(done["data"][middle : middle + place["result"]].tobytes()), 0.4)
        assert found.picture_size == (240, 320)
        offset = middle + place["result"]
    later = state_of(client, run, **{"from": 4, "count": 1})
    assert [place["number"] for place in later["frames"]] == [4]
    assert client.get(f"/convscope/runs/{run.key}/video.mp4", headers=told()).status_code == 404
    body = json.dumps({"action": "export", "parameters": {"score": 0.4}})
    assert client.post(f"/convscope/runs/{run.key}", content=body, headers=told()).json()["export"]
    until(lambda: (state_of(client, run)["export"] or {}).get("ready"))
    reply = client.get(f"/convscope/runs/{run.key}/video.mp4", headers=told())
    assert reply.headers["content-type"] == "video/mp4"
    with opened_video(reply.content) as video:
        assert (video.facts.width, video.facts.height, video.facts.frames) == (320, 240, 6)
    folder = run.folder
    begun(client, answer["key"], frames=1)
    assert not folder.exists()


def test_fault_G1_a_run_is_its_sessions_own_and_tokens_are_asked_for(
    client: TestClient, tmp_path: Path
) -> None:
    key = client.post("/convscope/video", content=clip(tmp_path), headers=told()).json()["key"]
    run = begun(client, key, frames=1)
    path = f"/convscope/runs/{run.key}"
    for wrong, status in ((told("there"), 404), (told("gone"), 403), ({}, 403)):
        assert client.get(path, headers=wrong).status_code == status
        assert client.post(path, content='{"action": "stop"}', headers=wrong).status_code in (status, 403)
        assert client.get(f"{path}/video.mp4", headers=wrong).status_code == status
    assert client.post("/convscope/video", content=b"x", headers={}).status_code == 403
    assert (
        client.post("/convscope/video", content=b"x", headers={**told(), "origin": "http://evil"}).status_code
        == 403
    )
    for junk in (b"", b"[]", b'{"action": 1, "parameters": 2}', b"{" * 30_000):
        assert client.post(path, content=junk, headers=told()).status_code in (400, 413)
    client.post(path, content='{"action": "stop"}', headers=told())
    until(lambda: run.job.done)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no video"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "no video"),
        (b"\0\0\0\x18ftypmp42" + bytes(400), "damaged"),
        (b"\xff\xd8\xff" + bytes(400), "no video"),
    ],
    ids=["empty", "playlist", "mp4", "jpeg"],
)
def test_fault_A5_what_is_no_video_gets_one_sentence(client: TestClient, data: bytes, words: str) -> None:
    reply = client.post("/convscope/video", content=data, headers=told())
    assert reply.status_code == 422
    assert words in reply.json()["error"]["en"]
    assert reply.json()["error"]["ko"]


def test_fault_A1_a_large_video_is_refused_before_it_is_read(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MAX_VIDEO", 1000)
    assert client.post("/convscope/video", content=bytes(1001), headers=told()).status_code == 413
    assert (
        client.post("/convscope/video", content=iter([bytes(600), bytes(600)]), headers=told()).status_code
        == 413
    )


def test_a_clip_is_made_of_a_picture(client: TestClient) -> None:
    answer = client.post("/convscope/video?picture=cells_neutrophil", headers=told()).json()
    assert answer["facts"]["frames"] == 48
    gone = client.post("/convscope/video?picture=u-" + "a" * 22, headers=told())
    assert gone.status_code == 422
    assert gone.json()["error"]["en"]


def taken_over(client: TestClient, run: VideoRun, name: str, screen: str = "detect") -> Any:
    body = json.dumps({"action": "take_over", "parameters": {"screen": screen}})
    return client.post(f"/convscope/runs/{run.key}", content=body, headers=told(name))


def test_a_reloaded_page_takes_its_run_over_and_nobody_takes_an_open_one(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = {"here"}
    monkeypatch.setattr(video_runs, "is_connected", lambda name: name in opened)
    key = client.post("/convscope/video", content=clip(tmp_path), headers=told()).json()["key"]
    run = begun(client, key, frames=2)
    refused = taken_over(client, run, "there")
    assert (refused.status_code, "another tab" in refused.json()["error"]["en"]) == (409, True)
    assert client.get(f"/convscope/runs/{run.key}", headers=told("there")).status_code == 404
    opened.clear()
    assert taken_over(client, run, "there", "segment").status_code == 404
    assert taken_over(client, run, "gone").status_code == 403
    assert taken_over(client, run, "there").json()["key"] == run.key
    assert run.job.session == run.session == "there"
    assert client.get(f"/convscope/runs/{run.key}", headers=told("here")).status_code == 404
    until(lambda: run.job.state == "finished")
    opened.add("there")
    assert client.get(f"/convscope/runs/{run.key}", headers=told("there")).status_code == 200
    assert taken_over(client, run, "there").status_code == 200
    assert taken_over(client, run, "here").status_code == 409
    assert routes.RUNS.of_screen("there", "detect") is run
    assert routes.RUNS.of_screen("here", "detect") is None


def test_who_has_begun_another_video_keeps_that_one(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_runs, "is_connected", lambda name: False)
    older, newer = (still_run(routes.RUNS, name) for name in ("here", "there"))
    assert taken_over(client, older, "there").status_code == 404
    assert not older.folder.exists()
    assert routes.RUNS.of_screen("there", "detect") is newer


def still_run(runs: VideoRuns, session: str, content: int = 100) -> VideoRun:
    """A run that was stopped before its first frame, with a file of `content` bytes."""
    run = runs.start(
        session, "detect", video=raw_video, encode=frame_parts, draw=drawn_frame, parameters={"source": ""}
    )
    run.job.cancel()
    (run.folder / "held.bin").write_bytes(bytes(content))
    return run


def test_runs_are_bounded_in_age_number_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = {"open"}
    monkeypatch.setattr(video_runs, "is_connected", lambda name: name in opened)
    runs = VideoRuns(tmp_path)
    kept, left = still_run(runs, "open"), still_run(runs, "left")
    for run in (kept, left):
        run.present -= video_runs.LEFT_SECONDS + 1
    runs.sweep()
    assert runs.get("open", kept.key) is kept
    assert runs.take_over("another", left.key, "detect") is None
    assert not left.folder.exists()
    kept.seen -= video_runs.OLD_SECONDS + 1
    runs.sweep()
    assert runs.get("open", kept.key) is None
    monkeypatch.setattr(video_runs, "TOTAL_BYTES", 1000)
    first, second, third = (still_run(runs, name, 400) for name in ("a", "b", "c"))
    first.present = second.present = third.present = kept.present
    first.seen += 5  # looked at last
    runs.sweep()
    assert [runs.get(run.session, run.key) is run for run in (first, second, third)] == [True, False, True]
    monkeypatch.setattr(video_runs, "MAX_RUNS", 2)
    last = still_run(runs, "d", 10)
    assert runs.get("d", last.key) is last
    assert sum(run.folder.exists() for run in (first, third)) == 1


def test_a_running_video_rests_without_its_tab_and_is_cancelled_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_runs, "HELD_SECONDS", 4.0)
    monkeypatch.setattr(video_runs, "is_connected", lambda name: False)
    runs = VideoRuns(tmp_path)
    pan_clip(tmp_path / "clip.avi", picture("cells_neutrophil"))
    parameters = {
        "source": str(tmp_path / "clip.avi"),
        "model": "yolo-cells",
        "max_side": 320,
        "max_frames": 48,
    }
    run = runs.start("here", "detect", video=raw_video, encode=frame_parts, draw=drawn_frame, parameters=parameters)  # fmt: skip
    run.job.pause()  # so that it cannot be done before it is left
    until(lambda: run.job.state == "paused")
    run.job.resume()
    leave("here")
    until(lambda: run.job.state == "paused" or run.job.done)
    assert runs.take_over("there", run.key, "detect") is run
    until(lambda: run.job.state in ("running", "finished"))
    run.job.cancel()
    lost = runs.start("gone", "segment", video=raw_video, encode=frame_parts, draw=drawn_frame, parameters=parameters)  # fmt: skip
    lost.job.pause()
    leave("gone")
    until(lambda: lost.job.done)
    assert lost.job.state == "cancelled"
    assert runs.get("gone", lost.key) is lost
