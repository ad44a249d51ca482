"""Pictures as text: data URIs of a sensible size, which a page holds in itself."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tailcutmix.dataset.images import read_bytes

FIGURE_WIDTH = 1600
"""Pixels across a figure at most: twice what a column of the page is wide."""


@dataclass(frozen=True)
class Picture:
    """A picture of a page: its data URI and its size in pixels."""

    uri: str
    width: int
    height: int


def photo(image: np.ndarray, width: int, quality: int = 82) -> Picture:
    """A (H, W, 3) uint8 RGB image as JPEG, at most `width` pixels across."""
    picture = _narrowed(Image.fromarray(image), width, Image.Resampling.LANCZOS)
    return _encoded(picture, "JPEG", quality=quality, optimize=True)


def labels_in_colour(values: np.ndarray, colours: np.ndarray, width: int) -> Picture:
    """A (H, W) uint8 array as PNG with a palette, (n, 3) uint8 RGB; no value that is not there is made up between."""
    picture = Image.fromarray(values)
    picture.putpalette(np.ascontiguousarray(colours, np.uint8).tobytes())
    return _encoded(_narrowed(picture, width, Image.Resampling.NEAREST), "PNG", optimize=True)


def figure(path: str | Path, width: int = FIGURE_WIDTH) -> Picture:
    """A figure's file, as PNG with 256 colours or as JPEG, whichever is smaller: drawings the one, photos the other."""
    with Image.open(io.BytesIO(read_bytes(path))) as image:
        picture = Image.new("RGB", image.size, "white")
        picture.paste(image, mask=image.getchannel("A") if "A" in image.getbands() else None)
    picture = _narrowed(picture, width, Image.Resampling.LANCZOS)
    reduced = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    found = [_encoded(reduced, "PNG", optimize=True), _encoded(picture, "JPEG", quality=85, optimize=True)]
    return min(found, key=lambda picture: len(picture.uri))


def _narrowed(picture: Image.Image, width: int, how: Image.Resampling) -> Image.Image:
    if picture.width <= width:
        return picture
    return picture.resize((width, max(1, round(picture.height * width / picture.width))), how)


def _encoded(picture: Image.Image, kind: str, **options: int | bool) -> Picture:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return Picture(f"data:image/{kind.lower()};base64,{text}", picture.width, picture.height)
