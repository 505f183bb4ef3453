"""A component's JavaScript and CSS: plain ES modules on disk, one script in the browser.

Component files are ES modules that import one another by relative path, so that `node` can run them in tests.
Streamlit takes one script per component; `bundle` puts imported files in front and strips the import and export words,
which asks that top-level names be unique across a bundle. A module's styles lie beside it (`shared/x.js`, `shared/x.css`)
and come along with it, behind `shared.css` and before the component's own.

With our own server the script is fetched once from `/convscope/js/<name>.<digest>.js` and kept by the browser; under
plain `streamlit run` it travels inline.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

COMPONENTS = Path(__file__).parent
JS_PREFIX = "/convscope/js/"
_IMPORT = re.compile(r'^import\s+(?:\{[^}]*\}\s+from\s+)?"(?P<path>\.[^"]+)";?[^\n]*$', re.MULTILINE)
_EXPORT = re.compile(r"^export\s+(?!default)", re.MULTILINE)

served_by_route = False
"""Set by app/server.py: our routes are there, so scripts come from a URL that the browser keeps."""

_scripts: dict[str, str] = {}


def modules(main: Path) -> list[Path]:
    """Return `main` and every module that it imports, each behind those that it imports itself."""
    seen: set[Path] = set()
    ordered: list[Path] = []

    def add(path: Path) -> None:
        if path in seen:
            return
        seen.add(path)
        for match in _IMPORT.finditer(path.read_text(encoding="utf-8")):
            add((path.parent / match["path"]).resolve())
        ordered.append(path)

    add(main.resolve())
    return ordered


def bundle(main: Path) -> str:
    """Return `main` with everything it imports in front, as one script with one default export."""
    return "\n".join(
        _EXPORT.sub("", _IMPORT.sub("", path.read_text(encoding="utf-8"))) for path in modules(main)
    )


def styles(main: Path) -> str:
    """Return what every component looks like, then the styles that lie beside the modules of `main`, its own last."""
    paths = [COMPONENTS / "shared" / "shared.css", *(path.with_suffix(".css") for path in modules(main))]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths if path.is_file())


def script(file_name: str) -> str | None:
    """Return the script served under `file_name` (`<component>.<digest>.js`), or None."""
    return _scripts.get(file_name)


@cache
def _sources(name: str) -> tuple[str, str, str]:
    folder = COMPONENTS / name
    javascript = bundle(folder / f"{name}.js")
    css = styles(folder / f"{name}.js")
    page = folder / f"{name}.html"
    html = page.read_text(encoding="utf-8") if page.is_file() else "<div></div>"
    if served_by_route:
        file_name = f"{name}.{hashlib.blake2b(javascript.encode(), digest_size=8).hexdigest()}.js"
        _scripts[file_name] = javascript
        javascript = (
            f'const address = new URL("{JS_PREFIX}{file_name}", document.baseURI).href;\n'
            "export default async (component) => (await import(address)).default(component);\n"
        )
    return javascript, css, html


def script_path(name: str) -> str:
    """Return the address of the script of component `name`; empty where there is none, or no route for it."""
    if not served_by_route or not (COMPONENTS / name / f"{name}.js").is_file():
        return ""
    _sources(name)
    return next(JS_PREFIX + file for file in _scripts if file.rsplit(".", 2)[0] == name)


@cache
def component(name: str) -> Any:
    """Return the mounting function of the component in `app/components/<name>/<name>.{js,css,html}`."""
    javascript, css, html = _sources(name)
    return st.components.v2.component(f"convscope_{name}", js=javascript, css=css, html=html)
