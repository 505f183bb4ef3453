"""Boxes: from every candidate to the result, and boxes of one's own."""

from __future__ import annotations

from app.figures.detection.boxes import boxes_block, shown_for
from app.figures.detection.boxes_code import pytorch_code
from app.figures.detection.boxes_files import box_files
from app.figures.detection.yolo_picture import known
from app.widgets.instrument import Answer, instrument
from app.widgets.screen import open_screen
from cnn.detection.box_settings import BoxSettings


def page() -> None:
    """Draw the screen."""
    screen = open_screen("boxes")

    def answer(settings: BoxSettings) -> Answer:
        shown = shown_for(screen.picture, settings, screen.language)
        return Answer(
            block=lambda parts, header: boxes_block(shown, settings, known=parts, header=header),
            code=lambda: pytorch_code(shown, settings),
            files=tuple(box_files(shown, settings)),
        )

    instrument(screen, BoxSettings.from_mapping, known, answer)
