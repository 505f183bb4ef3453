"""Transposed convolution: one component draws three views; address, code and downloads follow it."""

from __future__ import annotations

from app.figures.convolution.transposed_convolution import screen_words, transposed_block
from app.figures.convolution.transposed_convolution_files import pytorch_code, transposed_files
from app.figures.exchange import known
from app.widgets.instrument import Answer, instrument
from app.widgets.screen import open_screen
from cnn.convolution.transposed_settings import TransposedSettings


def page() -> None:
    """Draw the screen."""
    screen = open_screen("transposed_convolution")

    def answer(settings: TransposedSettings) -> Answer:
        return Answer(
            block=lambda parts, header: transposed_block(
                screen.picture, settings, known=parts, header=header
            ),
            code=lambda: pytorch_code(screen.picture, settings),
            files=tuple(transposed_files(screen.picture, settings)),
        )

    instrument(screen, TransposedSettings.from_mapping, known, answer, screen_words(screen.language))
