"""The page of each screen: Streamlit's own, told at once where the server is and what it will ask for next.

Streamlit's page finds its server out by asking: from a deep link such as ``/convolution`` first a wrong address, then,
a tenth of a second later, the right one, and only then does it open its connection. What it would find out stands in
`window.__streamlit` here, the place where a host of Streamlit apps puts it, so it connects at once. Where it cannot
connect (a server that starts again) it asks as before.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from streamlit.file_util import get_static_dir

from app.navigation import HOME, PAGES
from app.routes.preload import link_header

_MARK = "<head>"
_SCRIPT = """<script>
(() => {
  const own = %s, path = location.pathname.replace(/\\/+$/, "");
  const base = own && path.endsWith(own) ? path.slice(0, -own.length) : path;
  window.__streamlit = {
    BACKEND_BASE_URL: location.origin + base.replace(/\\/*$/, "/"),
    HOST_CONFIG: { allowedOrigins: [location.origin], useExternalAuthToken: false },
  };
})();
</script>"""


@cache
def page_html(slug: str) -> str:
    """Return the page of screen `slug` (empty: home); Streamlit's own where its head is not found."""
    text = (Path(get_static_dir()) / "index.html").read_text(encoding="utf-8")
    own = json.dumps(f"/{slug}" if slug else "")
    text = text.replace("<title>Streamlit</title>", "<title>ConvScope</title>", 1)
    return text.replace(_MARK, f"{_MARK}\n{_SCRIPT % own}", 1)


def front_routes() -> list[Route]:
    """Return the route of each screen's page."""
    return [_route("" if spec is HOME else spec.slug) for spec in PAGES]


def _route(slug: str) -> Route:
    async def page(_request: Request) -> Response:
        return HTMLResponse(page_html(slug), headers={"cache-control": "no-cache", "link": link_header(slug)})

    return Route(f"/{slug}", page, methods=["GET"], name=f"page_{slug or 'home'}")
