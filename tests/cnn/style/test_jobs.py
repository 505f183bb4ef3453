"""Style transfer as a job: in a worker process, steered, cancelled."""

import torch

from cnn.jobs import JobOptions, submit
from cnn.style.gatys import StyleStep, style_transfer

PICTURE = torch.arange(3 * 32 * 32).view(3, 32, 32).remainder(256).byte()


def test_runs_in_a_worker_and_is_steered_and_cancelled():
    job = submit(
        style_transfer,
        options=JobOptions(session="style-test", kind="style", history=500),
        content=PICTURE,
        style=PICTURE.flip(-1),
        steps=5000,
        network="random-vgg19",
        style_layers=("relu1_1",),
        content_layers=("relu1_1",),
    )
    first = job.wait_record(0, 120)
    assert isinstance(first, StyleStep)
    job.send({"alpha": 3.0})
    seen = job.index
    while job.latest().weights.alpha != 3.0 and job.wait_record(seen, 30) is not None:
        seen = job.index
    assert job.latest().weights.alpha == 3.0
    job.cancel()
    assert job.wait(10) == "cancelled"


def test_a_refused_picture_ends_the_job_with_a_reason():
    job = submit(
        style_transfer,
        options=JobOptions(session="style-test-2", kind="style"),
        content=PICTURE[:, :1, :1],
        style=PICTURE,
        network="random-vgg19",
    )
    assert job.wait(120) == "failed"
    assert job.error is not None
