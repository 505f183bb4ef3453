"""The server: `python -m app.server` (what `make run` starts) or `streamlit run app/server.py`.

One ASGI application: Streamlit's, with our routes, our guard in front, and a lifespan that loads what every page needs
before the first visitor comes and then freezes the garbage collector's view of it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # 2 threads on small pictures: 45 ms against 1 ms on one

from cnn.allocator import tune_allocator

tune_allocator()  # before torch is imported

import argparse
import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from streamlit.runtime.pages_manager import PagesManager

from app.components import bundle
from app.first_visit import visit
from app.language import LANGUAGES
from app.navigation import HOME, PAGES, load_pages
from app.routes import camera, data_sets, files, live, networks, videos
from app.routes.front import front_routes
from app.routes.guard import Guard
from app.watch import report_script_error, sweep_runs, watch_sessions

LATER_SECONDS = 12.0
"""After the start, what was not needed for the first picture is loaded."""
PAUSE_SECONDS = 0.3
"""Between the screens that are opened once for that, so that whoever is there already is served."""


def allowed_hosts() -> list[str]:
    """Return the names this server answers to: this machine's own, and those in `CONVSCOPE_HOSTS` (by comma)."""
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname().lower()}
    if os.environ.get("CONVSCOPE_ADDRESS", "localhost") not in ("localhost", "127.0.0.1", "::1"):
        names |= set(_own_addresses())
    names |= {
        name.strip().lower() for name in os.environ.get("CONVSCOPE_HOSTS", "").split(",") if name.strip()
    }
    return sorted(names)


def _own_addresses() -> list[str]:
    found = {str(info[4][0]) for info in _lookups(socket.gethostname())}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(
                ("192.0.2.1", 9)
            )  # sends nothing: it only asks which of our addresses would be used
            found.add(probe.getsockname()[0])
        except OSError:
            pass
    return sorted(found)


def _lookups(name: str) -> Sequence[Any]:
    try:
        return socket.getaddrinfo(name, None)
    except OSError:
        return ()


def warm_up() -> None:
    """Load what the first page needs, so that no visitor waits for an import."""
    from app.routes.kinds import register
    from app.widgets.toolbar import built_in_cards
    from cnn.convolution.convolution import warm_up as load_kernels
    from cnn.device import best_device, configure_process
    from cnn.images import pool

    # app/pages makes Streamlit look for its old kind of pages until st.navigation has run once: the first visitor of a
    # deep link would be told that the page does not exist
    PagesManager.uses_pages_directory = False
    pool.warm_up()
    configure_process()
    best_device()
    load_kernels()
    load_pages("gallery", "convolution")
    for language in LANGUAGES:
        built_in_cards(language)
    register()


async def warm_up_later() -> None:
    """Load what the first picture does not need: with it, two cores would have twice as much to do at the start."""
    import cnn.jobs

    await asyncio.sleep(LATER_SECONDS)
    await asyncio.to_thread(cnn.jobs.warm)
    await asyncio.to_thread(load_pages)
    for spec in PAGES:
        await visit("" if spec is HOME else spec.slug)
        await asyncio.sleep(PAUSE_SECONDS)
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Warm up before the first request, watch the sessions while serving, and leave no process behind."""
    import cnn.jobs
    from cnn.images import pool

    warm_up()
    await visit("convolution")
    gc.collect()
    gc.freeze()  # Streamlit collects after a rerun; what is loaded once need not be walked each time
    later = asyncio.create_task(warm_up_later())
    watchers = asyncio.create_task(watch_sessions()), asyncio.create_task(sweep_runs())
    yield {}
    for watcher in watchers:
        watcher.cancel()
    camera.end_workers()
    later.cancel()
    cnn.jobs.get_engine().shutdown()
    pool.shut_down()


bundle.served_by_route = True
live.active = True
camera.apart = True
app = st.App(
    Path(__file__).with_name("main.py"),
    lifespan=lifespan,
    routes=[
        WebSocketRoute(live.PATH, live.live),
        WebSocketRoute(camera.PATH, camera.camera),
        Route(files.UPLOAD_PATH, files.upload, methods=["POST"]),
        Route(data_sets.PATH, data_sets.upload, methods=["POST"]),
        Route(networks.PATH, networks.upload, methods=["POST"]),
        Route(videos.VIDEO_PATH, videos.upload, methods=["POST"]),
        Route(videos.RUN_PATH, videos.frames, methods=["GET"]),
        Route(videos.RUN_PATH, videos.act, methods=["POST"]),
        Route(videos.MP4_PATH, videos.mp4, methods=["GET"]),
        Route(bundle.JS_PREFIX + "{name}", files.javascript),
        *front_routes(),
    ],
    middleware=[Middleware(Guard, allowed_hosts=allowed_hosts())],
    on_script_error=report_script_error,
)


def main() -> None:
    """Read the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m app.server", description="Serve ConvScope.")
    parser.add_argument(
        "--host", default=os.environ.get("CONVSCOPE_ADDRESS", "localhost"), help="address to listen on"
    )
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8501")))
    chosen = parser.parse_args()
    if chosen.host != os.environ.get("CONVSCOPE_ADDRESS", "localhost"):
        os.environ["CONVSCOPE_ADDRESS"] = chosen.host
        os.execv(sys.executable, [sys.executable, "-m", "app.server", *sys.argv[1:]])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    app.run(
        config={
            "server.address": chosen.host,
            "server.port": chosen.port,
            "server.allowedHosts": allowed_hosts(),
        }
    )


if __name__ == "__main__":
    main()
