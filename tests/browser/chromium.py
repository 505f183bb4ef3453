"""Finds the Chromium that the browser tests drive, and installs Debian's where it may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WANTED = (
    "The browser tests need Chromium. Install it (Debian, Ubuntu: apt-get install chromium) or name one: "
    "CONVSCOPE_CHROMIUM=/path/to/chromium make test"
)
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


def chromium_path() -> str:
    """Return the browser's path, empty where there is none."""
    named = os.environ.get("CONVSCOPE_CHROMIUM", "")
    if named:
        return named
    return next((path for name in NAMES if (path := shutil.which(name))), "")


def install() -> str:
    """Return the browser's path, after installing Debian's package where this user may; else exit with a message."""
    if path := chromium_path():
        return path
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False, **quiet)
    path = chromium_path()
    if not path:
        sys.exit(WANTED)
    return path


if __name__ == "__main__":
    found = install() if "--install" in sys.argv else chromium_path()
    if "--path" in sys.argv:
        print(found)
