import numpy as np
import pytest

from cnn.training.packs import (
    PACKS,
    DataMissing,
    choose_split,
    labelled_pictures,
    pack_files,
    read_arrays,
    read_files,
)
from cnn.weights.builtin import IMAGENETTE
from tests.cnn.training import packs_for_tests as packs


def test_the_wanted_split_is_read_alone(tmp_path):
    packs.digits(tmp_path, ("train", "val"), each=3)
    packs.digits(tmp_path, ("train",), "fashion_mnist", each=2)
    x, y = read_arrays(tmp_path, "mnist", "val")
    with np.load(tmp_path / "mnist" / "mnist_train_val.npz") as stored:
        np.testing.assert_array_equal(x, stored["x_val"])
        assert not np.array_equal(x, stored["x_train"])
    assert y.dtype == np.int64


def test_a_scoring_split_falls_back_to_another_but_never_to_train():
    assert choose_split("test", {"train", "val"}) == "val"
    assert choose_split("val", {"train", "test"}) == "test"
    assert choose_split("test", {"val", "test"}) == "test"
    for wanted, present in (("test", {"train"}), ("train", {"val"})):
        with pytest.raises(DataMissing, match=wanted):
            choose_split(wanted, present)


def test_bare_x_and_y_of_a_test_file_are_read(tmp_path):
    (tmp_path / "mnist").mkdir()
    np.savez(tmp_path / "mnist" / "mnist_test.npz", x=np.ones((3, 28, 28), np.uint8), y=np.arange(3))
    x, y = read_arrays(tmp_path, "mnist", "test")
    assert x.shape == (3, 28, 28)
    assert y.tolist() == [0, 1, 2]


def test_a_pack_is_found_in_its_folder_beside_others_and_in_the_folder_itself(tmp_path):
    packs.digits(tmp_path, ("test",))
    packs.digits(tmp_path, ("test",), "fashion_mnist")
    inside = pack_files(tmp_path, "mnist", "npz")
    assert pack_files(tmp_path / "mnist", "mnist", "npz") == inside
    flat = tmp_path / "flat"
    flat.mkdir()
    for name in ("mnist", "fashion_mnist"):
        (tmp_path / name / f"{name}_test.npz").rename(flat / f"{name}_test.npz")
    assert [p.name for p in pack_files(flat, "mnist", "npz")] == ["mnist_test.npz"]
    assert [p.name for p in pack_files(flat, "fashion_mnist", "npz")] == ["fashion_mnist_test.npz"]


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.folder)
def test_missing_data_name_the_folder_and_the_source(tmp_path, pack):
    with pytest.raises(DataMissing) as error:
        pack_files(tmp_path, pack.folder, "tar")
    assert pack.origin in str(error.value)
    assert str(tmp_path / pack.folder) in str(error.value)


def test_a_tar_without_split_folders_is_read_whole(tmp_path):
    packs.write_tar(tmp_path / "bccd" / "bccd.tar", {"images/1.jpg": b"a", "annotations.json": b"[]"})
    assert read_files(tmp_path, "bccd", "test") == {"images/1.jpg": b"a", "annotations.json": b"[]"}


def test_labels_follow_the_order_of_the_categories(tmp_path):
    packs.photos(tmp_path, ("val",), "imagenette160", IMAGENETTE[:3][::-1], each=1)
    images, labels = labelled_pictures(tmp_path, "imagenette160", "val", size=64, categories=IMAGENETTE)
    assert images.shape == (3, 3, 64, 64)
    assert labels.tolist() == [0, 1, 2]
    with pytest.raises(DataMissing, match="cassette_player"):
        labelled_pictures(tmp_path, "imagenette160", "val", size=64, categories=("cat", "dog"))
