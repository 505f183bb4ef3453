"""The drawn tissue: its mask is true of the picture, and both are the same everywhere."""

from __future__ import annotations

import torch

from cnn.images.gallery import picture
from cnn.images.tissue import TISSUE_ID, tissue, tissue_mask
from cnn.segmentation.regions import areas, outlines


def test_S2_mask_parts_dark_membranes_from_light_cells() -> None:
    image, mask = tissue()[0].float(), tissue_mask()
    assert image.shape == mask.shape == (512, 512)
    assert set(mask.unique().tolist()) == {0, 1}
    assert image[mask == 0].mean() < 110 < 140 < image[mask == 1].mean()
    assert 0.05 < areas(mask, ("membrane", "cell"))[1].share < 0.25
    assert sum(1 for outline in outlines(mask, smallest=200) if outline.label == 1) > 40, "cells are closed"


def test_S2_some_of_what_is_dark_is_no_membrane() -> None:
    image, mask = tissue()[0], tissue_mask()
    assert ((image < 100) & (mask == 1)).sum() > 2000


def test_it_is_the_callers_own_and_always_the_same() -> None:
    tissue().zero_()
    assert torch.equal(picture(TISSUE_ID), tissue())
    assert tissue().any()
