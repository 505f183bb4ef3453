import torch
from torch import nn

from cnn.models.fashion_cnn import FashionCNN


def test_M9_the_fashion_cnn_has_the_lectures_layers():
    layers = list(FashionCNN().modules())
    convolutions = [(m.out_channels, m.kernel_size[0]) for m in layers if isinstance(m, nn.Conv2d)]
    assert convolutions == [(64, 7), (128, 3), (128, 3), (256, 3), (256, 3)]
    assert [m.out_features for m in layers if isinstance(m, nn.Linear)] == [128, 64, 10]
    assert [m.p for m in layers if isinstance(m, nn.Dropout)] == [0.5, 0.5]
    assert sum(isinstance(m, nn.MaxPool2d) for m in layers) == 3


def test_M9_its_maps_halve_at_each_pool():
    model, sizes = FashionCNN(), []
    for module in model.modules():
        if isinstance(module, nn.MaxPool2d):
            module.register_forward_hook(lambda m, i, o: sizes.append(tuple(o.shape[1:])))
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert sizes == [(64, 14, 14), (128, 7, 7), (256, 3, 3)]
