"""The video generators inside a worker of `cnn.jobs`."""

from __future__ import annotations

from pathlib import Path

import torch

from cnn.detection.detect import detect
from cnn.detection.video import detect_video
from cnn.images import load_image
from cnn.jobs import JobOptions, LocalEngine
from cnn.video import write_mp4
from cnn.weights.builtin import load_builtin

IMAGES = Path(__file__).resolve().parents[3] / "assets" / "images"


def test_O9_a_video_goes_through_a_worker(tmp_path: Path) -> None:
    image = load_image(IMAGES / "cells_neutrophil.jpg")
    write_mp4(tmp_path / "cells.mp4", [image] * 3, 5)
    engine = LocalEngine()
    try:
        content = (tmp_path / "cells.mp4").read_bytes()
        parameters = {"source": content, "model": "yolo-cells", "precision": "exact"}
        job = engine.submit(detect_video, parameters, JobOptions(kind="video", history=10))
        assert job.wait(120) == "finished", job.error
        records = [record for _, record in job.records_since(0)]
        assert [(r.frame, r.frames) for r in records] == [(1, 3), (2, 3), (3, 3)]
        alone = detect(load_builtin("yolo-cells"), records[0].picture)
        assert torch.equal(records[0].found.labels, alone.labels)
        assert records[0].found.counts()["WBC"] == 1
    finally:
        engine.shutdown()
