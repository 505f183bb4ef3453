from dataclasses import replace

import pytest
import torch

from cnn.models.imagenette_resnet import ImagenetteResNet
from cnn.models.perceptual import PerceptualFeatures
from cnn.training import builtin, style
from cnn.training.recipes import recipe
from cnn.training.style import StyleTransfer, painting, photos
from cnn.weights.builtin import STYLES
from tests.cnn.training import packs_for_tests as packs


@pytest.fixture
def task(monkeypatch) -> StyleTransfer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        features = PerceptualFeatures(ImagenetteResNet(widths=(8, 8, 8, 8)))
    monkeypatch.setattr(style, "perceptual_features", lambda: features)
    style.style_grams.cache_clear()
    yield replace(recipe(STYLES[0]).task, size=32, steps_per_epoch=6)
    style.style_grams.cache_clear()


@pytest.mark.parametrize("name", STYLES)
def test_T2_every_style_has_its_painting(name):
    picture = painting(name)
    assert max(picture.shape[2:]) == style.PAINTING_SIDE
    assert 0 <= picture.min() < picture.max() <= 1


def test_the_loss_of_the_photo_itself_is_its_style_alone(task):
    photo = torch.rand(1, 3, 40, 40)
    losses = task.picture_loss(photo, photo)
    assert float(losses["content"]) == 0
    assert float(losses["style"]) > 0
    assert float(losses["total"]) > float(losses["style"])


def test_T1_gatys_steps_lower_the_loss_and_stay_a_picture(task, monkeypatch):
    monkeypatch.setattr(style, "GATYS_STEPS", 15)
    photo = torch.rand(1, 3, 40, 40)
    made = task.gatys(photo)
    assert float(task.picture_loss(made, photo)["total"]) < 0.8 * float(
        task.picture_loss(photo, photo)["total"]
    )
    assert made.min() >= 0
    assert made.max() <= 1


def test_T2_a_style_network_learns_and_is_scored_against_gatys(task, tmp_path, monkeypatch):
    packs.photos(tmp_path, ("train", "val"), "flowers160", ("daisy", "roses"))
    monkeypatch.setattr(style, "GATYS_STEPS", 2)
    monkeypatch.setattr(style, "SCORED_PHOTOS", 2)
    chosen = recipe(STYLES[0])
    schedule = replace(chosen.schedule, epochs=4, batch_size=2, learning_rate=1e-3, bfloat16=False)
    trainer = builtin.new_trainer(replace(chosen, task=task, schedule=schedule), device=torch.device("cpu"))
    losses = [record.loss for record in trainer.run(task.load(tmp_path, "train"))]
    assert losses[-1] < 0.9 * losses[0]
    scores = task.scores(trainer.averaged, task.load(tmp_path, "val"), torch.device("cpu"))
    assert next(iter(scores)) == "total loss against Gatys"
    assert all(value > 0 for value in scores.values())


def test_other_photos_serve_where_the_flowers_are_not_there(tmp_path):
    packs.photos(tmp_path, ("test",), "imagenette160", ("church", "tench"))
    assert photos(tmp_path, "test", 64).shape == (4, 3, 64, 64)
