"""Region proposals: selective search and proposal networks on the picture, and three generations of R-CNN."""

from __future__ import annotations

from typing import Any

from app.figures.detection.region_proposals import known, proposals_block, screen_words
from app.figures.detection.region_proposals_files import proposal_files, pytorch_code
from app.figures.detection.region_proposals_settings import ProposalSettings
from app.widgets.instrument import Answer, instrument
from app.widgets.screen import open_screen


def page() -> None:
    """Draw the screen."""
    screen = open_screen("region_proposals")

    def answer(settings: ProposalSettings) -> Answer:
        def block(parts: tuple[str, ...], header: Any) -> bytes:
            words = {**header["words"], **screen_words(screen.language)}
            return proposals_block(screen.picture, settings, known=parts, header={**header, "words": words})

        return Answer(
            block, lambda: pytorch_code(screen.picture, settings), proposal_files(screen.picture, settings)
        )

    instrument(screen, ProposalSettings.from_mapping, known, answer)
