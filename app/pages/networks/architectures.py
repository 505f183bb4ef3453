"""Architectures: blocks, networks, depth, scaling and a builder, drawn by one component."""

from __future__ import annotations

from typing import Any

from app.figures.networks.architectures import architecture_block, known, screen_words
from app.figures.networks.architectures_files import screen_files
from app.figures.networks.architectures_settings import ArchitectureSettings
from app.widgets.instrument import Answer, instrument
from app.widgets.screen import open_screen


def page() -> None:
    """Draw the screen."""
    screen = open_screen("architectures")

    def answer(settings: ArchitectureSettings) -> Answer:
        def block(parts: tuple[str, ...], header: Any) -> bytes:
            words = {**header["words"], **screen_words(screen.language)}
            shown = {**header, "words": words}
            return architecture_block(screen.picture, settings, known=parts, header=shown)

        code, files = screen_files(screen.picture, settings)
        return Answer(block, lambda: code, files)

    instrument(screen, ArchitectureSettings.from_mapping, known, answer)
