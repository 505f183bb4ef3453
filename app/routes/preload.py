"""What the browser will ask for next, told in the page's own headers (RFC 8288), so that it need not find out by turns.

Streamlit loads the script that shows components only when the first one arrives, and that one then loads ours: two
round trips after the first picture's numbers are there. With the hints both are in the browser before.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from streamlit.file_util import get_static_dir

from app.components.bundle import script_path

FONT = "/app/static/PretendardVariable.woff2"
COMPONENT_OF = {"convolution": "lab"}
"""Components whose name is not their screen's slug."""
_IMPORTED = re.compile(r'(?:from|import)\s*"(\./[\w.-]+\.js)"')


@cache
def frame_scripts() -> tuple[str, ...]:
    """Return the paths of Streamlit's scripts for components; none where this version names them otherwise."""
    folder = Path(get_static_dir()) / "static" / "js"
    found = sorted(folder.glob("BidiComponent.*.js"))
    if not found:
        return ()
    imported = _IMPORTED.findall(found[0].read_text(encoding="utf-8"))
    names = dict.fromkeys([found[0].name, *(name.removeprefix("./") for name in imported)])
    return tuple(f"/static/js/{name}" for name in names if (folder / name).is_file())


@cache
def link_header(slug: str) -> str:
    """Return the Link header of the page of screen `slug` (empty: home)."""
    own = script_path(COMPONENT_OF.get(slug, slug or "gallery"))
    modules = [*frame_scripts(), script_path("toolbar"), own]
    links = [f"<{path}>; rel=modulepreload" for path in modules if path]
    return ", ".join([*links, f"<{FONT}>; rel=preload; as=font; type=font/woff2; crossorigin"])
