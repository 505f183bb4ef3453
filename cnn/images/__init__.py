"""Pictures: from files, built in, and as number matrices; and back to bytes for the screen.

`load_image` is imported when first used, so that the decoding processes, which share this package, load no
torch.
"""

from typing import TYPE_CHECKING, Any

from cnn.images.errors import ImageError

if TYPE_CHECKING:
    from cnn.images.load import load_image

__all__ = ["ImageError", "load_image"]


def __getattr__(name: str) -> Any:
    if name == "load_image":
        from cnn.images.load import load_image

        return load_image
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
