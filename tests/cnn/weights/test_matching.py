"""Weights put into architectures, and mismatches explained key by key."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from cnn.models.registry import build_model
from cnn.weights.errors import WeightsError
from cnn.weights.load import load_weights
from cnn.weights.matching import (
    MismatchError,
    compared,
    fitted_model,
    fitting_architectures,
    inferred_classes,
)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("resnet18", 7),
        ("lenet5", 3),
        ("mobilenet_v2", 5),
        ("unet", 4),
        ("yolo", 6),
        ("squeezenet1_1", 9),
        ("googlenet", 8),
    ],
)
def test_the_number_of_classes_is_inferred(name: str, classes: int) -> None:
    model = build_model(name, num_classes=classes, seed=4)
    tensors = load_weights(save({k: v.contiguous() for k, v in model.state_dict().items()}))
    fitted = fitted_model(tensors, name)
    assert (fitted.name, fitted.num_classes) == (name, classes)
    state = fitted.model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert not fitted.model.training


@pytest.mark.parametrize(
    "name", ["resnet18", "resnet50", "vgg11_bn", "tiny_vgg", "xception", "alexnet_torchvision"]
)
def test_the_architecture_is_found(name: str) -> None:
    tensors = build_model(name, num_classes=4).state_dict()
    assert name in fitting_architectures(tensors)


def test_wrapped_and_half_precision_weights_fit() -> None:
    model = build_model("resnet18", num_classes=2)
    tensors = {f"module.{k}": v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    fitted = fitted_model(tensors)
    assert fitted.name == "resnet18"
    assert next(fitted.model.parameters()).dtype == torch.float32
    torch.testing.assert_close(fitted.model.state_dict()["fc.bias"], tensors["module.fc.bias"].float())


def test_a_mismatch_names_every_key() -> None:
    tensors = dict(build_model("resnet18", num_classes=3).state_dict())
    del tensors["layer1.0.conv1.weight"]
    tensors["surprise"] = torch.zeros(1)
    tensors["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    with pytest.raises(MismatchError) as caught:
        fitted_model(tensors, "resnet18")
    mismatch = caught.value.mismatch
    assert mismatch.missing == ("layer1.0.conv1.weight",)
    assert mismatch.unexpected == ("surprise",)
    assert mismatch.shapes == (("conv1.weight", (64, 3, 7, 7), (64, 1, 7, 7)),)
    for text in (caught.value.en, caught.value.ko):
        assert "conv1.weight: 64×1×7×7 ≠ 64×3×7×7" in text
        assert "− layer1.0.conv1.weight" in text
        assert "+ surprise" in text


def test_weights_of_another_network_name_the_nearest() -> None:
    tensors = dict(build_model("resnet18").state_dict())
    tensors["head.weight"] = tensors.pop("fc.weight")
    with pytest.raises(MismatchError, match="nearest is resnet18"):
        fitted_model(tensors)
    many = compared("resnet50", build_model("resnet18").state_dict())
    assert many.count > 100
    assert "more" in many.text()


def test_a_network_that_overflows_is_refused() -> None:
    tensors = {
        k: v * 1e30 if v.is_floating_point() else v for k, v in build_model("lenet5").state_dict().items()
    }
    with pytest.raises(MismatchError):
        fitted_model(tensors, "resnet18")
    tensors = {k: v.clone() for k, v in build_model("tiny_vgg").state_dict().items()}
    for key in tensors:
        if key.endswith("weight"):
            tensors[key] *= 1e30
    with pytest.raises(WeightsError) as caught:
        fitted_model(tensors, "tiny_vgg")
    assert caught.value.code == "not_finite"


def test_a_file_of_a_person_becomes_a_network(tmp_path: Path) -> None:
    model = build_model("fashion_cnn", num_classes=5, seed=9)
    buffer = io.BytesIO()
    torch.save({"model": model.state_dict(), "epoch": 3}, buffer)
    fitted = fitted_model(load_weights(buffer.getvalue()), "fashion_cnn")
    image = torch.rand(1, 1, 28, 28)
    torch.testing.assert_close(fitted.model(image), model(image))
    assert inferred_classes("siamese", {}) is None
