"""Reading and writing of image files, in folders or inside zips, with one clear line for whatever is missing or broken.

A path is a file, or ``archive.zip::member``, which is read inside the archive without unpacking it.
"""

import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from tailcutmix.dataset.png import GREY, SIGNATURE, broken, read_header
from tailcutmix.errors import UserError
from tailcutmix.files import replacing

ZIP_SEPARATOR = "::"

_SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that exchange height and width."""

_JPEG = b"\xff\xd8\xff"

MOST_PIXELS = 2 * (1024**3 // 12)
"""Pixels of the largest image that is decoded: 179 million, twice Pillow's bound for what may be an attack."""

MOST_BYTES = 1 << 30
"""Of an image file: more than the largest image has without compression."""

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, RuntimeError, IndexError, struct.error, OverflowError,
           zipfile.BadZipFile, zlib.error, lzma.LZMAError)  # fmt: skip
"""What zipfile and Pillow raise for damaged files; RuntimeError: encrypted, or packed in a way that is not known."""


def open_zip(archive: str | Path) -> zipfile.ZipFile:
    """An open archive, kept open for the life of the process; raises UserError where it is missing or broken."""
    return _open_zip(str(archive), os.getpid())  # a forked child would share the file offset with its parent


@lru_cache(maxsize=16)
def _open_zip(archive: str, process: int) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except FileNotFoundError:
        raise UserError(f"{archive}: no such archive") from None
    except _BROKEN as error:
        raise UserError(f"{archive}: not a readable zip archive ({error}); download it again") from None


@contextmanager
def open_binary(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file or zip member for reading bytes; raises UserError where it does not exist."""
    archive, separator, member = str(path).partition(ZIP_SEPARATOR)
    try:
        stream = open_zip(archive).open(member) if separator else open(archive, "rb")
    except (FileNotFoundError, NotADirectoryError, KeyError, IsADirectoryError):
        raise UserError(f"{path}: no such file") from None
    except _BROKEN as error:
        cure = "; pack it again without a password, by deflate or stored" if separator else ""
        raise UserError(f"{path}: cannot be read ({error}){cure}") from None
    with stream:
        yield stream


def length_of(path: str | Path) -> int:
    """Bytes of a file or zip member, unpacked; raises UserError where it does not exist."""
    archive, separator, member = str(path).partition(ZIP_SEPARATOR)
    try:
        return open_zip(archive).getinfo(member).file_size if separator else os.stat(archive).st_size
    except (OSError, ValueError, KeyError):
        raise UserError(f"{path}: no such file") from None


def read_bytes(path: str | Path) -> bytes:
    """The whole content of a file or zip member, MOST_BYTES at most; a zip member's own checksum is checked."""
    length = length_of(path)
    if length > MOST_BYTES:
        raise UserError(f"{path}: {length >> 20} MiB, more than any image has that can be read")
    with open_binary(path) as stream:
        try:
            return stream.read(length)  # a zip member is not unpacked beyond what its archive says of it
        except _BROKEN as error:
            raise UserError(f"{path}: cannot be read ({error}); copy, download or make it again") from None


def read_size(path: str | Path, as_stored: bool = False) -> tuple[int, int]:
    """(height, width) from the header of an image file, turned as EXIF has it unless ``as_stored`` (labels)."""
    with open_binary(path) as stream, _opened(stream, path) as image:
        if not as_stored and orientation(image) in _SIDEWAYS:
            return image.width, image.height
        return image.height, image.width


def is_deep(path: str | Path) -> bool:
    """Whether an image has more than 8 bits per channel as one grey value, from its header."""
    with open_binary(path) as stream, _opened(stream, path) as image:
        return image.mode.startswith("I") or image.mode == "F"


def is_turned(path: str | Path) -> bool:
    """Whether EXIF turns or mirrors an image, from its header."""
    with open_binary(path) as stream, _opened(stream, path) as image:
        return orientation(image) != 1


def orientation(image: Image.Image) -> int:
    """How EXIF says that an image is to be turned, 1 (not at all) to 8, from its header alone."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the whole file in search of it
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def read_image(path: str | Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    return decode_image(read_bytes(path), path)


def read_label(path: str | Path) -> np.ndarray:
    """(H, W) uint8 label ids; see :func:`decode_label`."""
    return decode_label(read_bytes(path), path)


def read_instances(path: str | Path) -> np.ndarray:
    """(H, W) uint16 instance ids; see :func:`decode_instances`."""
    return decode_instances(read_bytes(path), path)


def decode_instances(data: bytes, path: str | Path) -> np.ndarray:
    """(H, W) uint16 (8-bit files are widened): label id * 1000 + number, or the label id alone where there is none."""
    values = _decode_ids(data, path)
    if values.dtype not in (np.uint8, np.uint16) and (values.min() < 0 or values.max() > 65535):
        raise UserError(f"{path}: instance ids must lie in 0..65535, found {values.min()}..{values.max()}")
    return values.astype(np.uint16, copy=False)


def decode_image(data: bytes, path: str | Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB from the bytes of an image file; ``path`` is named in errors.

    Images are turned as EXIF says, and 16 bits become 8 by the range of the type: 65535 becomes 255.

    Raises:
        UserError: a damaged file, or one of fractions or of 32 bits, whose range is not known.
    """
    if data.startswith(SIGNATURE):
        read_header(data, path)
    with _opened(io.BytesIO(data), path) as image:
        turned = ImageOps.exif_transpose(image) if orientation(image) != 1 else image
        if turned.mode.startswith("I;16") or (turned.mode == "I" and image.format == "PNG"):
            values = np.asarray(turned, np.uint32)
            return np.repeat(((values + 128) // 257).astype(np.uint8)[..., None], 3, axis=2)
        if turned.mode in ("I", "F"):
            raise UserError(f"{path}: pixels of 32 bits have no known range; save it with 8 or 16 bits per channel")
        return np.array(turned.convert("RGB"))


def decode_label(data: bytes, path: str | Path) -> np.ndarray:
    """(H, W) uint8 label ids from the bytes of a label image; ``path`` is named in errors.

    A palette image gives its indices, not its colours, and one bit per pixel gives 0 and 1. A PNG is checked whole;
    other formats that Pillow reads pass too.

    Raises:
        UserError: a damaged file, one of several channels, or a value above 255.
    """
    values = _decode_ids(data, path)
    if values.dtype != np.uint8 and (values.min() < 0 or values.max() > 255):
        wrong = values.max() if values.max() > 255 else values.min()
        raise UserError(f"{path}: id {wrong} is no label id; label ids lie in 0..255")
    return values.astype(np.uint8, copy=False)


def _decode_ids(data: bytes, path: str | Path) -> np.ndarray:
    """(H, W) integers, as they are stored."""
    if data.startswith(SIGNATURE):
        header = read_header(data, path)
        _check_pixels(header.width, header.height, path)
        if header.channels > 1:
            raise _several_channels(path, header.channels)
        if header.colour == GREY and header.depth >= 8 and not header.transparency:
            try:
                values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # faster than Pillow
            except cv2.error:
                values = None
            if values is None or values.shape != (header.height, header.width):
                raise broken(path, "its pixels cannot be decoded")
            return values
    # OpenCV turns palettes and transparent grey into colours, and 1 into 255 where a pixel has one bit; Pillow keeps
    # the values, which the reference evaluator takes.
    if data.startswith(_JPEG):
        raise UserError(f"{path}: a label as JPEG: JPEG changes ids; export the labels again, as PNG")
    with _opened(io.BytesIO(data), path) as image:
        values = np.array(image)
    if values.ndim != 2:
        raise _several_channels(path, values.shape[2])
    if values.dtype.kind == "f":
        raise UserError(f"{path}: holds fractions, but a label image has one whole id per pixel")
    return values.astype(np.uint8) if values.dtype == bool else values


def _several_channels(path: str | Path, channels: int) -> UserError:
    return UserError(
        f"{path}: {channels} channels, but a label image has one, with one id per pixel; is it the colour version?"
    )


@contextmanager
def _opened(stream: IO[bytes], path: str | Path) -> Iterator[Image.Image]:
    """An image to read with Pillow; whatever Pillow raises names the file."""
    try:
        with Image.open(stream) as image:
            _check_pixels(image.width, image.height, path)
            yield image
    except UnidentifiedImageError:
        raise UserError(f"{path}: not a readable image; copy, download or make it again") from None
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except _BROKEN as error:
        raise broken(path, error) from None


def _check_pixels(width: int, height: int, path: str | Path) -> None:
    if width * height > MOST_PIXELS:
        raise _too_large(path)


def _too_large(path: str | Path) -> UserError:
    return UserError(f"{path}: more than {MOST_PIXELS / 1e6:.0f} million pixels; cut it into tiles, or scale it down")


def write_png(path: str | Path, array: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB, (H, W) uint8 or (H, W) uint16 as PNG, all or nothing."""
    if array.dtype not in (np.uint8, np.uint16) or not (array.ndim == 2 or array.shape[2:] == (3,)):
        raise ValueError(f"cannot write {array.dtype} {array.shape} as PNG")
    channels = cv2.cvtColor(array, cv2.COLOR_RGB2BGR) if array.ndim == 3 else array
    data = cv2.imencode(".png", np.ascontiguousarray(channels))[1]
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())
