"""Labels of a video's frames survive being kept; what is drawn is the mix that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnn.segmentation.colours import class_colours, overlaid
from cnn.segmentation.video import SegmentedFrame
from cnn.segmentation.video_frames import coded_labels, decoded_labels, drawn_frame, segmented_parts
from cnn.weights.builtin import STREET


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (300, 400), (2, 65535)])
@pytest.mark.parametrize("kinds", [1, 2, 11])
def test_S1_labels_come_back(shape: tuple[int, int], kinds: int) -> None:
    generator = torch.Generator().manual_seed(kinds)
    labels = torch.randint(0, kinds, shape, generator=generator).to(torch.uint8)
    labels[: shape[0] // 2] = kinds - 1
    colours = class_colours(STREET[:kinds])
    again, same = decoded_labels(coded_labels(labels, colours))
    assert torch.equal(again, labels)
    assert torch.equal(same, colours)


def test_other_bytes_are_refused() -> None:
    for junk in (b"", b"\x01\x00", b"\x05\x00\x05\x00\x01abc\x00\x01\x00"):
        with pytest.raises(ValueError, match="wanted labels"):
            decoded_labels(junk)


def test_S1_overlay_is_the_mix_pixel_by_pixel() -> None:
    image = torch.randint(0, 256, (3, 6, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    labels = torch.tensor([[0, 1], [1, 2], [2, 0]], dtype=torch.uint8)
    colours = class_colours(("sky", "road", "an unknown class"))
    drawn = overlaid(image, labels, colours, 0.4).numpy()
    lines = overlaid(image, labels, colours, 0.4, contours=True).numpy()
    for row in range(6):
        for column in range(8):
            label = int(labels[row // 2, column // 4])
            wanted = 0.6 * image[:, row, column].double().numpy() + 0.4 * colours[label].double().numpy()
            assert np.abs(drawn[:, row, column] - wanted).max() <= 0.5001
            around = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
            inside = [(r, c) for r, c in around if 0 <= r < 6 and 0 <= c < 8]
            border = any(int(labels[r // 2, c // 4]) != label for r, c in inside)
            wanted = colours[label] if border else image[:, row, column]
            assert lines[:, row, column].tolist() == wanted.tolist()


def test_S1_a_kept_frame_is_drawn_with_any_parameters() -> None:
    labels = torch.zeros(4, 6, dtype=torch.uint8)
    frame = SegmentedFrame(
        1, 1, 0, 0.0, torch.full((3, 4, 6), 100, dtype=torch.uint8), labels, STREET, 0.1, 25.0
    )
    parts = segmented_parts(frame)
    whole = drawn_frame(parts.picture, parts.result, {"opacity": 100, "view": "overlay"})
    assert torch.equal(whole[:, 2, 3], class_colours(STREET)[0])
    for junk in ({}, {"opacity": "x"}, {"opacity": 1e9}, {"opacity": None, "view": 3}, {"view": "contours"}):
        assert drawn_frame(parts.picture, parts.result, junk).shape == (3, 4, 6)
