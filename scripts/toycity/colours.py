"""The colours of ToyCity, RGB 0..255: the lists that colours are drawn from at random, and the colours of fittings."""

from collections.abc import Sequence

import numpy as np

Colour = tuple[float, ...]
"""Red, green and blue."""

PAINTS = (
    (232, 232, 230),
    (190, 193, 198),
    (120, 124, 130),
    (44, 46, 52),
    (168, 38, 36),
    (196, 78, 30),
    (222, 178, 44),
    (38, 84, 158),
    (64, 128, 180),
    (40, 106, 74),
    (214, 204, 178),
    (98, 62, 50),
)
"""One list for all that drives, from trams to bicycles, so that only their shape tells the classes apart."""

PLASTERS = (
    (206, 192, 162),
    (188, 172, 150),
    (170, 158, 146),
    (196, 170, 128),
    (158, 84, 66),
    (132, 74, 60),
    (148, 146, 142),
    (118, 120, 122),
    (176, 186, 190),
    (208, 176, 160),
    (162, 176, 150),
    (222, 214, 198),
)
"""Plaster, brick and stone: one list for buildings, walls and fences."""

CLOTHES = (
    (36, 40, 58),
    (58, 60, 66),
    (128, 36, 40),
    (200, 198, 190),
    (54, 84, 124),
    (92, 104, 72),
    (166, 128, 84),
    (216, 172, 60),
    (110, 62, 96),
    (28, 28, 32),
)
SKINS = ((236, 196, 168), (214, 164, 130), (172, 120, 86), (116, 78, 56), (84, 56, 42))
HAIRS = ((40, 30, 26), (86, 58, 36), (152, 112, 62), (190, 188, 184), (24, 22, 24))

ROOFS = ((126, 62, 48), (84, 78, 76), (104, 70, 58), (66, 70, 78))
METALS = ((116, 118, 120), (84, 88, 86), (66, 70, 74), (136, 130, 120))
LEAVES = ((74, 104, 48), (58, 92, 50), (96, 116, 52), (108, 120, 62), (62, 84, 58), (146, 112, 52))
GRASSES = ((112, 122, 66), (128, 122, 76), (96, 114, 58), (140, 128, 90))
ASPHALTS = ((98, 98, 102), (82, 84, 90), (116, 112, 108))
SLABS = ((158, 152, 146), (140, 136, 136), (166, 150, 134))

# what vehicles of all kinds are fitted with
TYRE, HUB, DARK = (30, 30, 33), (150, 150, 155), (38, 38, 42)
GLASS, SKY_GLASS = (44, 56, 68), (116, 140, 158)
RED_LIGHT, WHITE_LIGHT, AMBER = (196, 30, 28), (250, 246, 220), (255, 176, 40)
PLATE = (236, 232, 214)


def pick(rng: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    """One colour of a list."""
    return colours[int(rng.integers(len(colours)))]


def paint(rng: np.random.Generator) -> Colour:
    """A colour of a vehicle, a little varied."""
    return _varied(rng, PAINTS, 14, 8, 250)


def plaster(rng: np.random.Generator) -> Colour:
    """A colour of plaster, brick or stone, a little varied."""
    return _varied(rng, PLASTERS, 14, 20, 245)


def cloth(rng: np.random.Generator) -> Colour:
    """A colour of clothing, a little varied."""
    return _varied(rng, CLOTHES, 12, 5, 250)


def window_glass(rng: np.random.Generator, dark: float) -> Colour:
    """The glass of a vehicle: dark with probability ``dark``, else it mirrors the sky."""
    return GLASS if rng.random() < dark else SKY_GLASS


def scaled(colour: Colour, factor: float) -> Colour:
    """A darker or lighter shade of a colour."""
    return tuple((factor * np.array(colour)).tolist())


def _varied(rng: np.random.Generator, colours: Sequence[Colour], spread: float, least: float, most: float) -> Colour:
    colour = np.array(pick(rng, colours)) + rng.uniform(-spread, spread, 3)
    return tuple(np.clip(colour, least, most).tolist())
