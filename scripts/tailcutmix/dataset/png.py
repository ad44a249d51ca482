"""What a PNG file says of itself, and whether it is whole: its chunks and their checksums, without decoding it."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from tailcutmix.errors import UserError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
"""Colour types of the PNG specification."""

CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


@dataclass(frozen=True)
class Header:
    """What a PNG says of itself: size in pixels, bits per channel, colour type, and whether it has a tRNS chunk."""

    width: int
    height: int
    depth: int
    colour: int
    transparency: bool

    @property
    def channels(self) -> int:
        """Values per pixel; the index of a palette is one."""
        return CHANNELS.get(self.colour, 1)


def read_header(data: bytes, path: str | Path) -> Header:
    """The header of a PNG whose chunks are complete and whose checksums are right; raises UserError otherwise.

    Decoders differ in what they let pass: some fill the missing rows of a truncated file, others skip the checksum of
    pixel data. Going over the 50 kB of a label image costs less than a hundredth of decoding it.
    """
    if not data.startswith(SIGNATURE):
        raise UserError(f"{path}: not a PNG file")
    position = len(SIGNATURE)
    names: set[bytes] = set()
    while b"IEND" not in names:
        length, name = struct.unpack_from(">I4s", data, position) if position + 12 <= len(data) else (len(data), b"")
        end = position + 12 + length
        if end > len(data):
            raise broken(path, "truncated")
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise broken(path, "wrong checksum")
        if not names and (name != b"IHDR" or length != 13):
            raise broken(path, "no header")
        names.add(name)
        position = end
    width, height, depth, colour = struct.unpack_from(">IIBB", data, len(SIGNATURE) + 8)
    if not (width and height):
        raise broken(path, "no pixels")
    return Header(width, height, depth, colour, transparency=b"tRNS" in names)


def broken(path: str | Path, fault: object) -> UserError:
    """The error for a damaged image file."""
    return UserError(f"{path}: broken image ({fault}); copy, download or make it again")
