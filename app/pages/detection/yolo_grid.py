"""The YOLO grid: the target of objects that are placed, the network's true output cell by cell, and the points of a face."""

from __future__ import annotations

from app.figures.detection.yolo_grid import grid_block, shown_for
from app.figures.detection.yolo_grid_code import pytorch_code
from app.figures.detection.yolo_grid_files import grid_files
from app.figures.detection.yolo_picture import known
from app.widgets.instrument import Answer, instrument
from app.widgets.screen import open_screen
from cnn.detection.grid_settings import GridSettings


def page() -> None:
    """Draw the screen."""
    screen = open_screen("yolo_grid")

    def answer(settings: GridSettings) -> Answer:
        shown = shown_for(screen.picture, settings, screen.language)
        return Answer(
            block=lambda parts, header: grid_block(shown, settings, known=parts, header=header),
            code=lambda: pytorch_code(shown, settings),
            files=tuple(grid_files(shown, settings)),
        )

    instrument(screen, GridSettings.from_mapping, known, answer)
