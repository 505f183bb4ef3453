"""The live functions of the screens, by slug, in one list."""

from __future__ import annotations

from app.routes.live import KINDS


def register() -> None:
    """Fill `KINDS`; called once by the server before it answers."""
    from app.figures.convolution.convolution import live_block
    from app.figures.convolution.receptive_field import live_block as field_block

    KINDS["convolution"] = live_block
    KINDS["receptive_field"] = field_block
