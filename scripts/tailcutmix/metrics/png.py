"""Label images for scoring: decoded whole or not at all, each fault in one line that names the file."""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tailcutmix.dataset.images import read_bytes
from tailcutmix.errors import UserError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, PALETTE = 0, 3


@dataclass(frozen=True)
class Header:
    """What a PNG says of itself: size in pixels, bits a channel, colour type, and whether it has a tRNS chunk."""

    width: int
    height: int
    depth: int
    colour: int
    transparency: bool


def read_header(data: bytes, path: str | Path) -> Header:
    """Check that the chunks of a PNG are complete and their checksums right, without decoding it.

    Decoders differ in what they let pass: OpenCV fills the missing rows of a truncated file, Pillow skips the checksum
    of pixel data. Going over the 50 kB of a label image costs less than a hundredth of decoding it.
    """
    if not data.startswith(SIGNATURE):
        raise UserError(f"{path}: not a PNG file")
    position, header, names = len(SIGNATURE), None, set()
    while b"IEND" not in names:
        length, name = struct.unpack_from(">I4s", data, position) if position + 12 <= len(data) else (len(data), b"")
        end = position + 12 + length
        if end > len(data):
            raise UserError(f"{path}: broken image (truncated); write it again")
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise UserError(f"{path}: broken image (wrong checksum); write it again")
        if header is None:
            if name != b"IHDR" or length != 13:
                raise UserError(f"{path}: broken image (no header); write it again")
            header = struct.unpack_from(">IIBB", data, position + 8)
        names.add(name)
        position = end
    return Header(*header, transparency=b"tRNS" in names)


def read_ids(path: str | Path) -> np.ndarray:
    """A single-channel label image: (H, W) unsigned integers, of a palette image its indices.

    Args:
        path: a PNG file or ``archive.zip::member``; other lossless formats that OpenCV reads pass too.

    Raises:
        UserError: absent, truncated or damaged file, or one of several channels.
    """
    return decode_ids(read_bytes(path), path)


def decode_ids(data: bytes, path: str | Path) -> np.ndarray:
    """:func:`read_ids` from the bytes of the file."""
    if data.startswith(SIGNATURE):
        header = read_header(data, path)
        if header.colour == PALETTE or (header.colour == GREY and (header.transparency or header.depth < 8)):
            return _decode_with_pillow(data, path)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if image is None:
        raise UserError(f"{path}: not a readable image; write it again")
    if image.ndim != 2:
        raise UserError(f"{path}: {image.shape[2]} channels, but a label image has one, with one id a pixel")
    return image


def _decode_with_pillow(data: bytes, path: str | Path) -> np.ndarray:
    """OpenCV turns palette and transparent grey into colours, and 1 into 255 where a pixel has one bit; Pillow keeps
    the values, which the reference evaluator takes.
    """
    try:
        return np.asarray(Image.open(io.BytesIO(data))).astype(np.uint16)
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{path}: broken image ({error}); write it again") from None
