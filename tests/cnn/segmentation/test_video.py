"""A video through a segmenter."""

from __future__ import annotations

from pathlib import Path

import torch

from cnn.segmentation.segment import segment
from cnn.segmentation.video import segment_video
from cnn.video import write_mp4
from tests.cnn.segmentation.test_segment import picture, unet


def test_S1_every_frame_is_segmented_as_a_picture_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_mp4(path, [(picture(48, 64) * share * 255).to(torch.uint8) for share in (0.4, 0.6, 1.0)], 4)
    records = list(segment_video(source=path, model=unet, precision="exact", every=2))
    assert [(r.frame, r.frames, r.number, r.seconds) for r in records] == [(1, 2, 0, 0.0), (2, 2, 2, 0.5)]
    for record in records:
        assert torch.equal(record.labels, segment(unet(), record.picture).labels)
        assert record.categories == ("membrane", "cell")
