"""AlexNet as its paper and the lectures' table give it (torchvision's is the later single-GPU variant)."""

from __future__ import annotations

from torch import Tensor, nn


class AlexNet(nn.Module):
    """Five convolutions, two of them grouped over the two GPUs of 2012, local response normalisation, three
    linear.

    Sizes at 227×227: C1 96@55×55, S2 96@27×27, C3 256@27×27, S4 256@13×13, C5 384@13×13, C6 384@13×13,
    C7 256@13×13, S8 256@6×6, F9 4096, F10 4096, out 1000. 60,965,224 parameters with two streams.

    Args:
        num_classes: outputs of the last layer.
        streams: 2 keeps the two GPU streams as groups (C3, C6, C7 see half of the channels), 1 joins them.

    Shapes: ``(N, 3, 227, 227)`` → logits ``(N, num_classes)``.
    Source: Krizhevsky, Sutskever, Hinton 2012, "ImageNet classification with deep convolutional neural
    networks".
    """

    def __init__(self, num_classes: int = 1000, *, streams: int = 2) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(3, 96, 11, stride=4)
        self.relu1 = nn.ReLU()
        self.norm1 = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
        self.s2 = nn.MaxPool2d(3, 2)
        self.c3 = nn.Conv2d(96, 256, 5, padding=2, groups=streams)
        self.relu3 = nn.ReLU()
        self.norm3 = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
        self.s4 = nn.MaxPool2d(3, 2)
        self.c5 = nn.Conv2d(256, 384, 3, padding=1)
        self.relu5 = nn.ReLU()
        self.c6 = nn.Conv2d(384, 384, 3, padding=1, groups=streams)
        self.relu6 = nn.ReLU()
        self.c7 = nn.Conv2d(384, 256, 3, padding=1, groups=streams)
        self.relu7 = nn.ReLU()
        self.s8 = nn.MaxPool2d(3, 2)
        self.flatten = nn.Flatten()
        self.dropout9 = nn.Dropout(0.5)
        self.f9 = nn.Linear(256 * 6 * 6, 4096)
        self.relu9 = nn.ReLU()
        self.dropout10 = nn.Dropout(0.5)
        self.f10 = nn.Linear(4096, 4096)
        self.relu10 = nn.ReLU()
        self.out = nn.Linear(4096, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.s2(self.norm1(self.relu1(self.c1(x))))
        x = self.s4(self.norm3(self.relu3(self.c3(x))))
        x = self.relu6(self.c6(self.relu5(self.c5(x))))
        x = self.flatten(self.s8(self.relu7(self.c7(x))))
        x = self.relu9(self.f9(self.dropout9(x)))
        x = self.relu10(self.f10(self.dropout10(x)))
        return self.out(x)
