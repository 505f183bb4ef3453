"""Labelled pictures to learn from: the flowers that ship, or a person's own ZIP, by its key in the address bar."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from app.cache import BoundedCache, tensor_bytes
from app.uploads import UploadStore, default_folder
from cnn.images import load_image
from cnn.networks.transfer_archive import pictures_from_zip
from cnn.networks.transfer_errors import DataSetError
from cnn.networks.transfer_pictures import LabelledPictures, flowers

FLOWERS = "flowers"
KEY_PATTERN = r"flowers|u-[A-Za-z0-9_-]{22}"
DATA_SETS = UploadStore(default_folder().parent / "data_sets", total_bytes=600_000_000)
_LOADED: BoundedCache[LabelledPictures] = BoundedCache(240_000_000, lambda data: tensor_bytes(data.pictures))
_log = logging.getLogger(__name__)


class DataSetGone(LookupError):
    """No pictures are kept under the key (any more)."""


def data_set_of(key: str, owner: str = "", *, labelled: bool = True) -> LabelledPictures:
    """The pictures under `key`; with `labelled` False any will do, in folders or not.

    Raises:
        DataSetGone: none are kept under it.
        DataSetError: what is kept cannot be read.
    """
    if key == FLOWERS:
        return _LOADED.get_or_make(key, flowers)

    def read() -> LabelledPictures:
        data = DATA_SETS.read(key)
        if data is None:
            raise DataSetGone(key)
        return pictures_from_zip(
            data, load=lambda picture: load_image(picture, owner=owner), labelled=labelled
        )

    return _LOADED.get_or_make((key, labelled), read)


def keep_data_set(data: bytes, session: str, *, labelled: bool = True) -> dict[str, Any]:
    """Read a ZIP once to see what is in it, keep it, and return its key or the error in both languages."""
    try:
        loaded = pictures_from_zip(
            data, load=lambda picture: load_image(picture, owner=session), labelled=labelled
        )
    except DataSetError as error:
        return {"error": {language: error.sentence(language) for language in ("en", "ko")}}
    except Exception:
        name = secrets.token_hex(4)
        _log.exception("a data set failed [%s]", name)
        return {
            "error": {
                "en": f"These pictures could not be read (log id {name}). Try another ZIP or folder.",
                "ko": f"사진을 읽지 못했습니다(로그 번호 {name}). 다른 ZIP이나 폴더로 시도해 주세요.",
            }
        }
    key, on_disk = DATA_SETS.save(data, session)
    _LOADED.get_or_make((key, labelled), lambda: loaded)
    return {"key": key, "saved": on_disk, "pictures": len(loaded.labels)}
