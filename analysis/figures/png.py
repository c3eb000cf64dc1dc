"""A small picture as an address that a browser draws: a PNG file, written as text.

Source: the PNG specification (W3C 2003), sections 5 and 11.
"""

import struct
import zlib
from base64 import b64encode

import numpy as np
from jaxtyping import Float
from numpy import ndarray

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_address(image: Float[ndarray, "row column 3"]) -> str:
    """A `data:` address of the picture.

    Args:
        image: red, green and blue from 0 to 1; beyond, the nearest.

    Example:
        >>> import numpy as np
        >>> png_address(np.zeros((1, 1, 3)))[:30]
        'data:image/png;base64,iVBORw0K'
    """
    pixels = (255 * np.nan_to_num(image).clip(0, 1)).round().astype(np.uint8)
    rows, columns = pixels.shape[:2]
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), pixels.reshape(rows, -1)], axis=1)  # filter 0: as it is
    header = struct.pack(">2I5B", columns, rows, 8, 2, 0, 0, 0)  # 8 bits, in colour
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines.tobytes())) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + b64encode(SIGNATURE + chunks).decode()


def _chunk(kind: bytes, content: bytes) -> bytes:
    """A part of the file: its length, its kind, its content and their checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
