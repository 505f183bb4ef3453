"""A person's videos on disk, checked once when they come, by random keys; and clips made of a picture."""

from __future__ import annotations

import logging
import secrets
import tempfile
from pathlib import Path
from typing import Any

from app.pictures import CurrentPicture, as_photo
from app.uploads import UploadStore, default_folder
from cnn.images.pan import pan_clip
from cnn.jobs import WorkerError, run_in_worker
from cnn.video import VideoError, video_facts

MAX_VIDEO = 60_000_000
KEY_PATTERN = r"u-[A-Za-z0-9_-]{22}"
VIDEOS = UploadStore(default_folder().parent / "videos", total_bytes=1_500_000_000)
_CHECK_SECONDS = 15.0
_CHECK_MEMORY = 1_200_000_000
_log = logging.getLogger(__name__)

_SENTENCES = {
    "file_too_large": (
        f"A video may have up to {MAX_VIDEO // 1_000_000} MB. Cut it shorter or save it smaller.",
        f"동영상은 {MAX_VIDEO // 1_000_000} MB까지 가능합니다. 더 짧게 자르거나 작게 저장해 주세요.",
    ),
    "not_a_video": (
        "This is no video that can be opened here. MP4, MOV, WebM, MKV and AVI work.",
        "여기서 열 수 있는 동영상이 아닙니다. MP4, MOV, WebM, MKV, AVI를 쓸 수 있습니다.",
    ),
    "too_large": (
        "The video's frames are over 4,096 pixels a side. Save it smaller.",
        "동영상의 한 변이 4,096 픽셀을 넘습니다. 더 작게 저장해 주세요.",
    ),
    "damaged": (
        "The video is damaged, or its kind of compression cannot be read here. Save it again as MP4 (H.264).",
        "동영상이 손상되었거나 읽을 수 없는 압축 방식입니다. MP4(H.264)로 다시 저장해 주세요.",
    ),
    "busy": (
        "Your last video is still being read. Wait for it.",
        "앞서 보낸 동영상을 아직 읽고 있습니다. 잠시 기다려 주세요.",
    ),
    "gone": (
        "This video is no longer kept here. Choose it again.",
        "이 동영상은 더 이상 보관되어 있지 않습니다. 다시 골라 주세요.",
    ),
    "run_gone": (
        "The results of this video are no longer kept here. Choose the video again to go through it once more.",
        "이 동영상의 결과는 더 이상 보관되어 있지 않습니다. 동영상을 다시 골라 한 번 더 처리해 주세요.",
    ),
    "elsewhere": (
        "This video is open in another tab. Go on there, or choose a video here.",
        "이 동영상은 다른 탭에서 열려 있습니다. 그 탭에서 계속하거나 여기서 동영상을 골라 주세요.",
    ),
}


def sentences(code: str) -> dict[str, str]:
    """Return what a person is told about a video, in both languages; a damaged one for codes unknown here."""
    en, ko = _SENTENCES.get(code, _SENTENCES["damaged"])
    return {"en": en, "ko": ko}


def video_source(key: str) -> str | bytes | None:
    """Return the video under `key`, a path, or the file's bytes where the disk refused it; None if it is gone."""
    path = VIDEOS.path(key)
    return str(path) if path is not None else VIDEOS.read(key)


def keep_video(data: bytes, session: str) -> dict[str, Any]:
    """Decode the first frame of a video in a process of its own, keep the file, and return its key and facts or the
    error in both languages."""
    if len(data) > MAX_VIDEO:
        return {"error": sentences("file_too_large")}
    try:
        with tempfile.NamedTemporaryFile(prefix="convscope-", suffix=".video") as file:
            file.write(data)
            file.flush()
            width, height, fps, frames = run_in_worker(
                video_facts, file.name, timeout=_CHECK_SECONDS, memory=_CHECK_MEMORY, torch=True,
                errors=(VideoError,),
            )  # fmt: skip
    except VideoError as error:
        return {"error": sentences(str(error))}
    except WorkerError as error:
        return {"error": {language: error.text(language) for language in ("en", "ko")}}
    except OSError as error:
        _log.warning("a video could not be written: %s", error.strerror)
        return {"error": sentences("damaged")}
    key, on_disk = VIDEOS.save(data, session)
    seconds = frames / fps if frames else 0.0
    facts = {"width": width, "height": height, "fps": fps, "frames": frames, "seconds": seconds}
    return {"key": key, "saved": on_disk, "facts": facts}


def keep_clip(picture: CurrentPicture, session: str) -> dict[str, Any]:
    """Make a clip of a picture, a window that goes round over it, and keep it as a video."""
    with tempfile.TemporaryDirectory(prefix="convscope-") as folder:
        path = Path(folder) / f"{secrets.token_hex(4)}.avi"
        pan_clip(path, as_photo(picture))
        return keep_video(path.read_bytes(), session)
