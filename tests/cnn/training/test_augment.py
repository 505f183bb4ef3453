import pytest
import torch

from cnn.training.augment import colour_jitter, mixup, random_affine, random_erase, random_resized_crop


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(6, 3, 40, 40, generator=generator())


def test_the_same_generator_gives_the_same_pictures(images):
    for change in (
        lambda g: random_resized_crop(images, 24, scale=(0.3, 1), degrees=10, generator=g),
        lambda g: random_affine(images, degrees=9, shift=0.1, zoom=0.1, shear=0.1, generator=g),
        lambda g: colour_jitter(images, 0.3, generator=g),
        lambda g: random_erase(images, 0.4, generator=g),
    ):
        first, second = change(generator()), change(generator())
        assert torch.equal(first, second)
        assert first.min() >= 0
        assert first.max() <= 1


def test_a_whole_crop_without_a_mirror_is_the_picture(images):
    whole = random_resized_crop(images, 40, scale=(1, 1), ratio=1.0, flip=False, generator=generator())
    torch.testing.assert_close(whole, images, rtol=0, atol=1e-5)
    still = random_affine(images, degrees=0, shift=0, zoom=0, shear=0, generator=generator())
    torch.testing.assert_close(still, images, rtol=0, atol=1e-5)


def test_a_mirrored_whole_crop_is_the_picture_or_its_mirror(images):
    crops = random_resized_crop(images, 40, scale=(1, 1), ratio=1.0, generator=generator())
    same = [torch.allclose(c, i, atol=1e-5) for c, i in zip(crops, images, strict=True)]
    mirrored = [torch.allclose(c, i.flip(-1), atol=1e-5) for c, i in zip(crops, images, strict=True)]
    assert all(a or b for a, b in zip(same, mirrored, strict=True))
    assert any(same)
    assert any(mirrored)


def test_erasing_sets_a_rectangle_to_the_mean(images):
    erased = random_erase(images, 0.5, generator=generator())
    changed = (erased != images).any(1)
    assert changed.any()
    for picture, mask, before in zip(erased, changed, images, strict=True):
        if mask.any():
            rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
            assert mask.sum() == len(rows) * len(columns)
            torch.testing.assert_close(picture[:, mask].T[0], before.mean((1, 2)))


def test_mixed_targets_still_add_up_to_one(images):
    targets = torch.eye(6)
    mixed, blended = mixup(images, targets, 0.8, generator=generator())
    torch.testing.assert_close(blended.sum(1), torch.ones(6))
    torch.testing.assert_close(mixed, torch.einsum("ij,jchw->ichw", blended, images))
