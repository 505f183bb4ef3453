"""Everything a person can set on the architectures screen: one table of bounds, and a record that is always valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from cnn.convolution.settings import Field

TABS = ("blocks", "networks", "depth", "scaling", "builder")
NETWORKS = (
    "lenet5", "alexnet", "fashion_cnn", "vgg16", "googlenet", "resnet18", "resnet34", "resnet50", "resnet152",
    "plain34", "imagenette_resnet", "plain_twin", "xception", "mobilenet_v1", "mobilenet_v2", "efficientnet_b0", "unet",
    "separable_unet",
)  # fmt: skip
BLOCK_NAMES = (
    "residual", "projection", "inception", "separable", "xception", "inverted", "unet", "separable_unet",
)  # fmt: skip
DEFAULT_STACK = "conv16-relu-max2-conv32-relu-max2-conv64-relu-gap-flat-fc10"
SIZES = ("32", "64", "96", "128")

FIELDS: tuple[Field, ...] = (
    Field("tab", "choice", "blocks", options=TABS),
    Field("net", "choice", "alexnet", options=NETWORKS),
    Field("layer", "text", "", pattern=r"[A-Za-z0-9_.]{0,80}"),
    Field("block", "choice", "residual", options=BLOCK_NAMES),
    Field("cin", "integer", 0, 0, 256),
    Field("cout", "integer", 0, 0, 256),
    Field("side", "integer", 0, 0, 160),
    Field("k", "choice", "3", options=("1", "3", "5", "7", "9")),
    Field("stride", "choice", "usual", options=("usual", "1", "2")),
    Field("factor", "number", 1.0, 0.0, 1.5),
    Field("shortcut", "flag", True),
    Field("bottleneck", "flag", True),
    Field("t", "integer", 6, 1, 8),
    Field("seed", "integer", 0, 0, 999),
    Field("units", "integer", 20, 1, 50),
    Field("norm", "flag", False),
    Field("gain", "number", 0.8, 0.3, 1.5),
    Field("mode", "choice", "compound", options=("compound", "depth", "width", "resolution")),
    Field("phi", "number", 1.0, 0.0, 7.0),
    Field("alpha", "number", 1.2, 1.0, 2.0),
    Field("beta", "number", 1.1, 1.0, 2.0),
    Field("gamma", "number", 1.15, 1.0, 2.0),
    Field("stack", "text", DEFAULT_STACK, pattern=r"[a-z0-9-]{0,600}"),
    Field("size", "choice", "96", options=SIZES),
)
"""Every setting of the screen, in the order of the address bar."""


@dataclass(frozen=True, slots=True)
class ArchitectureSettings:
    """What the screen shows. Attributes are named and bounded as in `FIELDS`.

    `cin`, `cout`, `side` 0 and `stride` "usual": as the block opens. `layer` "": the screen's choice.
    """

    tab: str = "blocks"
    net: str = "alexnet"
    layer: str = ""
    block: str = "residual"
    cin: int = 0
    cout: int = 0
    side: int = 0
    k: str = "3"
    stride: str = "usual"
    factor: float = 1.0
    shortcut: bool = True
    bottleneck: bool = True
    t: int = 6
    seed: int = 0
    units: int = 20
    norm: bool = False
    gain: float = 0.8
    mode: str = "compound"
    phi: float = 1.0
    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15
    stack: str = DEFAULT_STACK
    size: str = "96"

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ArchitectureSettings:
        """Return the valid settings nearest to `values`; what is missing or unreadable takes its default."""
        found = cls(**{f.name: f.nearest(values[f.name]) for f in FIELDS if f.name in values})
        return replace(found, stack=found.stack[:600], layer=found.layer[:80])

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        return asdict(self)
