"""The built-in pictures: there, right, described, and allowed."""

import math
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import sklearn.datasets
import torch

from cnn.images import load_image, synthetic
from cnn.images.gallery import DEFAULT_PICTURE, PICTURE_IDS, PICTURES, Picture, picture

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("entry", PICTURES, ids=PICTURE_IDS)
def test_every_picture_opens_and_is_described(entry: Picture) -> None:
    tensor = picture(entry.id)
    assert tensor.dtype == torch.uint8
    assert tensor.ndim == 3
    assert tensor.shape[0] in (1, 3)
    assert 64 <= min(tensor.shape[1:]) <= max(tensor.shape[1:]) <= 1500
    assert tensor.float().std() > 10, "something is to be seen"
    for text in (entry.en, entry.ko, entry.alt_en, entry.alt_ko):
        assert text.strip() == text != ""
    assert any("가" <= letter <= "힣" for letter in entry.ko + entry.alt_ko)
    if entry.kind != "synthetic":
        assert entry.licence
        assert entry.origin


def test_ids_are_unique_and_there_are_enough() -> None:
    assert len(set(PICTURE_IDS)) == len(PICTURE_IDS) >= 12
    assert DEFAULT_PICTURE in PICTURE_IDS
    with pytest.raises(ValueError, match="wanted one of temple"):
        picture("nothing")


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("astronaut", "astronaut"),
        ("cat", "chelsea"),
        ("camera", "camera"),
        ("coins", "coins"),
        ("text", "text"),
    ],
)
def test_photos_equal_scikit_images(id: str, name: str) -> None:
    wanted = np.atleast_3d(getattr(skimage.data, name)())
    assert np.array_equal(picture(id).permute(1, 2, 0).numpy(), wanted)


def test_C5_photos_equal_scikit_learns() -> None:
    for id, wanted in zip(("temple", "dahlia"), sklearn.datasets.load_sample_images().images, strict=True):
        assert np.abs(picture(id).permute(1, 2, 0).numpy().astype(int) - wanted).max() <= 1


def test_a_picture_is_the_callers_own() -> None:
    picture("shapes").zero_()
    picture("temple").zero_()
    assert picture("shapes").any()
    assert picture("temple").any()


def test_every_file_of_the_assets_has_its_source() -> None:
    sources = (ROOT / "assets" / "SOURCES.md").read_text(encoding="utf-8")
    files = sorted(file for file in (ROOT / "assets" / "images").iterdir() if file.is_file())
    wanted = {
        entry.source[1] for entry in PICTURES if isinstance(entry.source, tuple) and "assets" in entry.source
    }
    assert {file.name for file in files} == wanted
    for file in files:
        assert f"`images/{file.name}`" in sources
        data = file.read_bytes()
        assert b"Exif" not in data[:4000]
        assert torch.equal(load_image(data), picture(file.stem))
    assert sum(file.stat().st_size for file in files) < 2_500_000


def test_C4_step_edges() -> None:
    edge = synthetic.step_edge(10, 0, size=6)
    assert edge.tolist() == [[[10, 10, 10, 0, 0, 0]] * 6]
    assert synthetic.step_edge(0, 10, size=6).tolist() == [[[0, 0, 0, 10, 10, 10]] * 6]
    below = synthetic.step_edge(10, 0, size=6, angle=90)
    assert below.tolist() == [[[0] * 6] * 3 + [[10] * 6] * 3]


@pytest.mark.parametrize("angle", [0.0, 23.0, 45.0, 90.0, 160.0])
def test_a_gratings_spectrum_peaks_where_it_should(angle: float) -> None:
    cycles = 16.0
    spectrum = torch.fft.fft2(synthetic.grating(angle, cycles, size=128)[0].float() - 127.5).abs()
    row, column = divmod(int(spectrum[:65].argmax()), 128)
    fy, fx = (n - 128 if n > 64 else n for n in (row, column))
    turn = math.radians(angle)
    wanted = np.array([cycles * math.cos(turn), -cycles * math.sin(turn)])
    assert min(np.abs(np.array([fx, fy]) - sign * wanted).max() for sign in (1, -1)) <= 1


def test_chirp_and_zone_plate_stay_under_half_a_period_per_pixel() -> None:
    line = synthetic.chirp(1, 64, size=256)[0, 0].float() - 127.5
    crossings = (line[1:].sign() != line[:-1].sign()).float()
    assert crossings[:64].sum() < crossings[-64:].sum()
    assert abs(crossings.sum() - 2 * (1 + 64) / 2) <= 2
    plate = synthetic.zone_plate(256)
    assert torch.equal(plate, plate.flip(1))
    assert torch.equal(plate, plate.mT)
    assert plate[0, 128, 128] > 250


def test_checkerboard_dots_star_and_gradient() -> None:
    board = synthetic.checkerboard(2, size=4)
    assert board.tolist() == [[[255, 255, 0, 0]] * 2 + [[0, 0, 255, 255]] * 2]
    dots = synthetic.dots(spacing=32, radius=3, size=256)
    assert (dots == 255).sum() == 64 * 32  # a disc of radius 3 about a corner of pixels covers 32 centres
    star = synthetic.siemens_star(24)[0]
    ring = torch.stack(
        [star[int(128 - 90 * math.sin(t)), int(128 + 90 * math.cos(t))] for t in np.arange(0, 6.28, 0.01)]
    )
    assert ((ring[1:] != ring[:-1]).sum() - 48).abs() <= 1
    ramp = synthetic.gradient(256)
    assert ramp[0, 7].tolist() == list(range(256))
    assert ramp[1, :, 9].tolist() == list(range(256))


def test_shapes_are_one_in_each_quarter() -> None:
    picture = synthetic.shapes(128)
    colours = {"disc": (32, 32), "square": (32, 96), "triangle": (100, 32)}
    assert [picture[:, y, x].argmax().item() for y, x in colours.values()] == [0, 1, 2]
    assert picture[:, 96, 96].tolist() == [96] * 3, "the ring is hollow"
    assert picture[0, 96, 96 + 18] > 200
