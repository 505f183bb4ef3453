"""Sliding windows: a classifier crop by crop, and the same by one pass of a network without fully connected layers."""

from __future__ import annotations

from app.figures.detection.sliding_window import slide_of, window_block
from app.figures.detection.sliding_window_files import pytorch_code, window_files
from app.figures.detection.yolo_picture import known
from app.widgets.instrument import Answer, instrument
from app.widgets.screen import open_screen
from cnn.detection.window_settings import WindowSettings


def page() -> None:
    """Draw the screen."""
    screen = open_screen("sliding_window")

    def answer(settings: WindowSettings) -> Answer:
        slide = slide_of(screen.picture, settings)
        return Answer(
            block=lambda parts, header: window_block(slide, settings, known=parts, header=header),
            code=lambda: pytorch_code(slide),
            files=window_files(slide),
        )

    instrument(screen, WindowSettings.from_mapping, known, answer)
