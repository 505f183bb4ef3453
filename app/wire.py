"""Arrays as one block of bytes, as `cnn/wire.py` packs them and `app/components/shared/wire.js` reads them."""

from cnn.wire import DTYPES, pack, unpack

__all__ = ["DTYPES", "pack", "unpack"]
