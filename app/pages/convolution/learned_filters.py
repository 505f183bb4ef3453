"""Learned filters: the browser learns on a problem that this page makes; address, code and downloads follow."""

from __future__ import annotations

from app.figures.convolution.learned_filters import learning_block, learning_files, screen_words
from app.figures.convolution.learned_filters_code import pytorch_code
from app.figures.exchange import known
from app.widgets.instrument import Answer, instrument
from app.widgets.screen import open_screen
from cnn.convolution.learning_settings import LearningSettings


def page() -> None:
    """Draw the screen."""
    screen = open_screen("learned_filters")

    def answer(settings: LearningSettings) -> Answer:
        return Answer(
            block=lambda parts, header: learning_block(screen.picture, settings, known=parts, header=header),
            code=lambda: pytorch_code(settings),
            files=tuple(learning_files(screen.picture, settings)),
        )

    instrument(screen, LearningSettings.from_mapping, known, answer, screen_words(screen.language))
