"""The status page names what computes live pictures."""

from __future__ import annotations

import pytest

from app.figures.server.status import runtime_text
from cnn.models.converted import OPENVINO, RUNTIME_VARIABLE, TORCH
from cnn.models.openvino_parts import installed_version


def words(key: str, **values: str) -> str:
    return f"{key} {values['name']}"


def test_B10_the_status_page_names_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)
    assert runtime_text(words, "cpu") == f"runtime_openvino {OPENVINO} {installed_version()}"
    assert runtime_text(words, "cuda:0") == f"runtime_torch {TORCH}"
    monkeypatch.setenv(RUNTIME_VARIABLE, "torch")
    assert runtime_text(words, "cpu") == f"runtime_torch {TORCH}"
