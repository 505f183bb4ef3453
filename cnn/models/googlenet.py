"""GoogLeNet whose side branches are computed in evaluation too, so that they can be looked at."""

from __future__ import annotations

from torch import Tensor
from torchvision.models import GoogLeNet as TorchvisionGoogLeNet


class GoogLeNet(TorchvisionGoogLeNet):
    """torchvision's GoogLeNet with both side branches run in evaluation mode; their logits are not used.

    Parameters and names are torchvision's, so its weights fit. 13,004,888 parameters with the branches,
    6,624,904 without. ``transform_input=True``, as the pretrained weights want it, turns ImageNet's
    normalisation into the one of the original.

    Shapes: ``(N, 3, H, W)``, made for 224 px → logits ``(N, num_classes)``.
    Source: Szegedy et al. 2015, "Going deeper with convolutions".
    """

    def __init__(self, num_classes: int = 1000, *, transform_input: bool = False) -> None:
        super().__init__(
            num_classes=num_classes, aux_logits=True, transform_input=transform_input, init_weights=False
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool1(self.conv1(self._transform_input(x)))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        self.aux1(x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        self.aux2(x)
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        x = self.dropout(self.avgpool(x).flatten(1))
        return self.fc(x)
