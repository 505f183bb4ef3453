"""Connections: one component draws five views; address, code and downloads follow it."""

from __future__ import annotations

from app.figures.convolution.connections import connection_block, screen_words
from app.figures.convolution.connections_files import connection_files, pytorch_code
from app.figures.exchange import known
from app.widgets.instrument import Answer, instrument
from app.widgets.screen import open_screen
from cnn.convolution.connection_settings import ConnectionSettings


def page() -> None:
    """Draw the screen."""
    screen = open_screen("connections")

    def answer(settings: ConnectionSettings) -> Answer:
        return Answer(
            block=lambda parts, header: connection_block(
                screen.picture, settings, known=parts, header=header
            ),
            code=lambda: pytorch_code(settings),
            files=tuple(connection_files(screen.picture, settings)),
        )

    instrument(screen, ConnectionSettings.from_mapping, known, answer, screen_words(screen.language))
