"""The measured traps of the design stay closed: .streamlit/config.toml, Makefile, server."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_traps_of_speed_stay_closed() -> None:
    assert CONFIG["runner"]["fastReruns"] is False
    assert CONFIG["runner"]["postScriptGC"] is False
    assert CONFIG["server"]["fileWatcherType"] == "none"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "MALLOC_ARENA_MAX=2 OMP_NUM_THREADS=1" in makefile
    server = (ROOT / "app" / "server.py").read_text(encoding="utf-8")
    assert server.index("tune_allocator()") < server.index("import streamlit"), "before torch can be imported"
    assert "gc.freeze()" in server


def test_ways_in_stay_closed() -> None:
    assert CONFIG["client"]["showErrorDetails"] == "none"
    assert CONFIG["client"]["toolbarMode"] == "viewer"
    assert CONFIG["server"]["maxUploadSize"] == 20
    assert CONFIG["server"]["enableXsrfProtection"] is True
    assert CONFIG["server"]["enableCORS"] is True
    assert CONFIG["server"]["enableAgentApi"] is False
    assert CONFIG["server"]["allowedHosts"]
    assert "maxCacheDataSize" in CONFIG["server"]
    assert CONFIG["browser"]["gatherUsageStats"] is False


def test_static_serving_serves_fonts_only() -> None:
    assert (ROOT / "app" / "static").resolve() == ROOT / "assets" / "fonts"
    assert {path.suffix for path in (ROOT / "assets" / "fonts").iterdir()} == {".woff2", ".txt"}
    for face in CONFIG["theme"]["fontFaces"]:
        assert (ROOT / "assets" / "fonts" / Path(face["url"]).name).is_file()


def test_requirements_are_pinned_exactly() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-r")):
                assert line.count("==") == 1, line
    wanted = {
        "torch==2.14.1",
        "torchvision==0.29.2",
        "streamlit==1.67.0",
        "plotly==7.1.0",
        "opencv-python==5.0.0.93",
    }
    assert wanted <= set((ROOT / "requirements.txt").read_text(encoding="utf-8").split())
