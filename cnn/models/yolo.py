"""A small YOLO with anchors: the network, its output tensor read as boxes, and the picture made to fit."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnn.models.imagenette_resnet import ImagenetteResNet

STRIDE = 16


class YOLO(nn.Module):
    """Boxes on a grid of 16-pixel cells, several anchors a cell.

    The backbone is `ImagenetteResNet` without its head. Its maps at stride 8 are folded into 2×2 times as
    many channels at stride 16 (the passthrough of YOLOv2) and joined with those at stride 16 and with a
    wider view from a dilated pair of convolutions.

    Args:
        num_classes: C.
        anchors: (width, height) of each of the A anchors, in pixels of the input.

    Shapes: ``(N, 3, H, W)``, H and W multiples of 16 → ``(N, A·(5 + C), H / 16, W / 16)``; each anchor's
    channels are t_x, t_y, t_w, t_h, t_obj and C class logits.
    Source: Redmon and Farhadi 2016, "YOLO9000".
    """

    anchors: Tensor

    def __init__(self, num_classes: int, anchors: tuple[tuple[float, float], ...]) -> None:
        super().__init__()
        self.num_classes = num_classes
        backbone = ImagenetteResNet()
        self.stem, self.stage1 = backbone.stem, backbone.stage1
        self.stage2, self.stage3 = backbone.stage2, backbone.stage3
        self.reduce = _conv(96, 24, 1)
        self.fold = nn.PixelUnshuffle(2)
        self.context = nn.Sequential(
            _conv(160, 64, 1), _conv(64, 64, 3, dilation=2), _conv(64, 64, 3, dilation=4)
        )
        self.neck = nn.Sequential(_conv(96 + 160 + 64, 128, 1), _conv(128, 128, 3))
        self.head = nn.Conv2d(128, len(anchors) * (5 + num_classes), 1)
        self.register_buffer("anchors", torch.tensor(anchors, dtype=torch.float32))
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            bias = self.head.bias
            assert bias is not None
            bias.view(len(anchors), -1)[:, 4] = -4.0

    def forward(self, x: Tensor) -> Tensor:
        fine = self.stage2(self.stage1(self.stem(x)))
        coarse = self.stage3(fine)
        joined = torch.cat([self.fold(self.reduce(fine)), coarse, self.context(coarse)], 1)
        return self.head(self.neck(joined))


def _conv(in_channels: int, out_channels: int, kernel_size: int, *, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel_size // 2)
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def split_raw(raw: Tensor, anchors: Tensor) -> Tensor:
    """The output tensor ``(N, A·(5 + C), H, W)`` as ``(N, A, H, W, 5 + C)``.

    Raises:
        ValueError: the channels do not divide by the number of anchors.
    """
    n, channels, height, width = raw.shape
    if channels % len(anchors):
        raise ValueError(f"wanted a multiple of {len(anchors)} channels, got {channels}")
    return raw.view(n, len(anchors), channels // len(anchors), height, width).permute(0, 1, 3, 4, 2)


def cell_boxes(cells: Tensor, anchors: Tensor, stride: int = STRIDE) -> Tensor:
    """Boxes (x1, y1, x2, y2) in pixels of ``(N, A, H, W, ≥4)`` cells → ``(N, A, H, W, 4)``.

    b_x = (σ(t_x)·2 − ½ + c_x)·stride, b_w = p_w·e^t_w, and the same for y and h. The centre may lie half a
    cell outside its cell, so that σ need not saturate on the border.
    """
    height, width = cells.shape[2:4]
    rows = torch.arange(height, device=cells.device, dtype=cells.dtype).view(height, 1)
    columns = torch.arange(width, device=cells.device, dtype=cells.dtype)
    x = (cells[..., 0].sigmoid() * 2 - 0.5 + columns) * stride
    y = (cells[..., 1].sigmoid() * 2 - 0.5 + rows) * stride
    priors = anchors.to(cells.dtype).view(1, -1, 1, 1, 2)
    half_w = priors[..., 0] * cells[..., 2].clamp(-6, 4).exp() / 2
    half_h = priors[..., 1] * cells[..., 3].clamp(-6, 4).exp() / 2
    return torch.stack([x - half_w, y - half_h, x + half_w, y + half_h], -1)


def decode(raw: Tensor, anchors: Tensor, stride: int = STRIDE) -> tuple[Tensor, Tensor]:
    """Every candidate: boxes ``(N, A·H·W, 4)`` in pixels and scores ``(N, A·H·W, C)`` in 0..1.

    A score is σ(t_obj)·σ(class logit). Candidates are in order of anchor, row, column.
    """
    cells = split_raw(raw, anchors)
    scores = cells[..., 4:5].sigmoid() * cells[..., 5:].sigmoid()
    return cell_boxes(cells, anchors, stride).flatten(1, 3), scores.flatten(1, 3)


def letterbox(image: Tensor, size: int, *, multiple: int = 2 * STRIDE) -> tuple[Tensor, float]:
    """The picture scaled so that its longer side is `size`, at the top left of a gray canvas of whole cells.

    Shapes: ``(3, H, W)``, uint8 or float in 0..1 → float ``(3, H', W')`` in 0..1, H' and W' multiples of
    `multiple`; and the scale: boxes on the canvas divided by it are boxes on the picture.
    """
    picture = image.float() / 255 if image.dtype == torch.uint8 else image
    scale = size / max(picture.shape[1:])
    height, width = (max(1, round(side * scale)) for side in picture.shape[1:])
    if (height, width) != tuple(picture.shape[1:]):
        picture = F.interpolate(picture[None], (height, width), mode="bilinear", antialias=True)[0].clamp(
            0, 1
        )
    canvas = picture.new_full((3, -(-height // multiple) * multiple, -(-width // multiple) * multiple), 0.5)
    canvas[:, :height, :width] = picture
    return canvas, scale
