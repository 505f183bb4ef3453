"""The plain twins of the residual networks: the same layers with nothing added around them."""

from __future__ import annotations

from torch import Tensor
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet


class PlainBasicBlock(BasicBlock):
    """Two 3×3 convolutions as in ResNet's basic block, without the shortcut: ``relu(z)``."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)))


class PlainBottleneck(Bottleneck):
    """1×1, 3×3, 1×1 convolutions as in ResNet's bottleneck, without the shortcut: ``relu(z)``."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)))


_DEPTHS: dict[int, tuple[type[BasicBlock | Bottleneck], list[int]]] = {
    18: (PlainBasicBlock, [2, 2, 2, 2]),
    34: (PlainBasicBlock, [3, 4, 6, 3]),
    50: (PlainBottleneck, [3, 4, 6, 3]),
    152: (PlainBottleneck, [3, 8, 36, 3]),
}


def plain_resnet(depth: int, num_classes: int = 1000) -> ResNet:
    """torchvision's ResNet of 18, 34, 50 or 152 layers without shortcuts and without their projections.

    Shapes: ``(N, 3, H, W)`` → logits ``(N, num_classes)``.

    Raises:
        ValueError: for another depth.
    Source: He et al. 2015, "Deep residual learning for image recognition", section 3.3.
    """
    if depth not in _DEPTHS:
        raise ValueError(f"wanted a depth of {sorted(_DEPTHS)}, got {depth}")
    block, layers = _DEPTHS[depth]
    model = ResNet(block, layers, num_classes=num_classes)
    for module in model.modules():
        if isinstance(module, block):
            module.downsample = None
    return model
