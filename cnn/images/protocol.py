"""What a decoding process and the program say to each other, on the process's standard input and output.

A request is (length, max_pixels) and the file's bytes. An answer is a length and that much JSON: either
{"shape": [C, H, W]}, followed by the upright picture in strips (C, rows, W), each preceded by its number of
rows, or {"code": ..., "values": ...} of an `ImageError`. `READY` is sent once, when the process has started.
"""

import struct

__all__ = ["ANSWER", "READY", "REQUEST", "ROWS"]

REQUEST = struct.Struct("<QQ")
ANSWER = struct.Struct("<I")
ROWS = struct.Struct("<I")
READY = b"+"
