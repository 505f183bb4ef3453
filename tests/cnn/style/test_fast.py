"""Feed-forward style networks: sizes, blends, tiles, frames, video."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn.models.style_net import StyleNet
from cnn.style import fast
from cnn.style.errors import StyleError
from cnn.style.export import mp4_bytes
from cnn.style.fast import stylize, stylize_frames, stylize_video
from cnn.style.tiles import in_tiles, shared_statistics


class Negative(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.one - x


class Same(Negative):
    def forward(self, x):
        return self.one * x


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = StyleNet(width=8, depth=2).eval()
    for module in net.modules():
        if isinstance(module, nn.InstanceNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return net


def photo(height, width):
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    return (F.interpolate(coarse, size=(height, width), mode="bilinear")[0] * 255).byte()


def test_T2_the_picture_is_the_networks_output(model):
    image = photo(33, 47)
    with torch.no_grad():
        wanted = model(image[None] / 255)[0] * 255
    result = stylize(model, image)
    assert result.dtype == torch.uint8
    assert result.shape == (3, 33, 47)
    assert (result.float() - wanted).abs().max() < 8  # half precision where the processor has it
    assert (result.float() - wanted).abs().mean() < 1


def test_T2_sizes_gray_and_floats(model):
    assert stylize(model, photo(40, 80), size=32).shape == (3, 16, 32)
    gray = photo(32, 32)[:1]
    assert torch.equal(stylize(model, gray), stylize(model, gray.expand(3, -1, -1).float() / 255))


def test_T2_a_blend_is_the_weighted_mean_of_the_outputs():
    image = photo(20, 20)
    blend = stylize([(Same(), 3.0), (Negative(), 1.0)], image)
    wanted = 0.75 * image.float() + 0.25 * (255 - image.float())
    assert (blend.float() - wanted).abs().max() <= 1.5
    assert torch.equal(stylize([(Same(), 1.0), (Negative(), 0.0)], image), stylize(Same(), image))


def test_T2_tiles_show_no_seams(model):
    """With the same statistics, tile by tile is the picture at once, to float32 rounding."""
    image = photo(210, 330)[None] / 255
    small = F.interpolate(image, size=(round(210 * 100 / 330), 100), mode="bilinear", antialias=True)
    with torch.no_grad():
        with shared_statistics(model, small):
            whole = model(image)
        tiled = in_tiles(model, image, 100)
        alone = model(image)
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5)
    assert not any(m._forward_hooks for m in model.modules())
    assert not torch.allclose(alone, whole, atol=1e-5)  # the statistics do matter


def test_T2_statistics_of_the_picture_itself_change_nothing(model):
    image = photo(64, 64)[None] / 255
    with torch.no_grad(), shared_statistics(model, image):
        shared = model(image)
    with torch.no_grad():
        torch.testing.assert_close(shared, model(image), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("image", "options", "code"),
    [
        (torch.zeros(3, 1, 1, dtype=torch.uint8), {}, "too_small"),
        (torch.zeros(3, 1, 3000, dtype=torch.uint8), {}, "too_small"),
        (torch.zeros(4, 32, 32), {}, "not_a_picture"),
        (torch.zeros(3, 100, 100), {"tile": 8}, "setting"),
    ],
)
def test_what_cannot_be_done_is_refused(model, image, options, code):
    with pytest.raises(StyleError) as refused:
        stylize(model, image, **options)
    assert refused.value.code == code


@pytest.mark.parametrize("shares", [(0.0,), (-1.0, 2.0), (float("nan"),)])
def test_shares_that_make_no_blend_are_refused(shares):
    with pytest.raises(StyleError, match="shares"):
        stylize([(Same(), share) for share in shares], photo(20, 20))


def test_flat_pictures_stay_finite(model):
    for value in (0, 255):
        flat = torch.full((3, 24, 24), value, dtype=torch.uint8)
        assert stylize(model, flat).float().std(correction=0).isfinite()


def test_frames_are_steadied():
    black, white = torch.zeros(3, 16, 16, dtype=torch.uint8), torch.full((3, 16, 16), 255, dtype=torch.uint8)
    frames = list(stylize_frames(Same(), [black, white, white], steadiness=0.5))
    assert [int(f.float().mean().round()) for f in frames] == [0, 128, 191]
    with pytest.raises(StyleError):
        next(stylize_frames(Same(), [black], steadiness=1.0))


def test_a_video_is_styled_frame_by_frame_and_steered(tmp_path, monkeypatch):
    models = {"same": Same(), "negative": Negative()}
    monkeypatch.setattr(fast, "load_fast", lambda name, device: models[name])
    path = tmp_path / "grey.mp4"
    path.write_bytes(mp4_bytes([torch.full((3, 32, 48), 60, dtype=torch.uint8)] * 6, seconds=1))
    run = stylize_video(path=str(path), networks={"same": 1.0}, size=None, steadiness=0.0)
    first = next(run)
    assert (first.frame, first.frames, first.image.shape) == (1, 6, (3, 32, 48))
    assert abs(first.image.float().mean() - 60) < 4
    second = run.send({"networks": {"negative": 1.0}})
    assert abs(second.image.float().mean() - 195) < 4
    assert [f.frame for f in run] == [3, 4, 5, 6]


def test_no_video_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fast, "load_fast", lambda name, device: Same())
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    with pytest.raises(StyleError) as refused:
        next(stylize_video(path=str(path), networks={"same": 1.0}))
    assert refused.value.code == "not_a_video"


def test_missing_weights_are_named():
    with pytest.raises(StyleError) as refused:
        fast.load_fast("style-of-nobody")
    assert refused.value.code == "no_weights"


def test_mp4_can_be_read_back(tmp_path):
    path = tmp_path / "run.mp4"
    frames = [torch.full((3, 31, 45), 40 * i, dtype=torch.uint8) for i in range(6)]
    path.write_bytes(mp4_bytes(frames, seconds=2))
    video = cv2.VideoCapture(str(path))
    read = []
    while (answer := video.read())[0]:
        read.append(answer[1])
    assert len(read) == 6
    assert read[0].shape == (30, 44, 3)
    means = [np.asarray(frame, dtype=float).mean() for frame in read]
    assert means == [pytest.approx(40 * i, abs=6) for i in range(6)]
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(3, abs=0.1)
