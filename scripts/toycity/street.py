"""The lie of a street: its lanes, its tracks, and what lines it on both sides. Nothing is drawn here."""

from dataclasses import dataclass

import numpy as np

FAR = 115.0
"""Depth in metres where the street ends."""
LANE = 3.2
PARKING_STRIP = 2.2
CORNER = 7
"""Distance from the middle of a crossing street to the houses at its corners, in metres."""


@dataclass(frozen=True)
class Stretch:
    """Part of one side of the street: ``kind`` is houses, park, wall or fence, from depth z0 to z1."""

    kind: str
    z0: float
    z1: float
    height: float
    seed: int


@dataclass(frozen=True)
class Side:
    """One side of a street; all positions in metres.

    Attributes:
        sign: -1 for the left side, 1 for the right one.
        edge: x of the road's edge, parking strip included.
        parking: whether a parking strip lies inside that edge.
        pavement: width of the sidewalk.
        strip: width of the strip behind the sidewalk.
        stretches: what stands behind, near to far.
    """

    sign: int
    edge: float
    parking: bool
    pavement: float
    strip: float
    stretches: tuple[Stretch, ...]

    def kerb(self, inwards: float) -> float:
        """x of a place on the sidewalk, 0 at the road and 1 at its far edge."""
        return self.edge + self.sign * inwards * self.pavement

    @property
    def front(self) -> float:
        """x where houses begin."""
        return self.kerb(1.0) + self.sign * self.strip


@dataclass(frozen=True)
class Street:
    """The camera drives at x = 0 in the right lane.

    Attributes:
        left, right: the two sides.
        junction: depth of a crossing street's middle, or None.
        track: x of a tram track along the street, or None.
        crossing_track: whether rails run along the crossing street.
        terrain: whether open ground is grown over.
        seed: of the details on the ground.
    """

    left: Side
    right: Side
    junction: float | None
    track: float | None
    crossing_track: bool
    terrain: bool
    seed: int

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.left, self.right

    def side(self, sign: int) -> Side:
        """The left side for -1, the right one for 1."""
        return self.left if sign < 0 else self.right


def plan_street(rng: np.random.Generator, classes: frozenset[str]) -> Street:
    """Draw a street that has room for the classes."""
    parking = (bool(rng.random() < 0.5), bool(rng.random() < 0.5))
    junction = float(rng.uniform(15, 30)) if rng.random() < 0.42 else None
    track, crossing_track = _plan_rails(rng, "train" in classes, junction)
    lanes = 2.5 if track is not None and rng.random() < 0.5 else 1.5
    edges = (-lanes * LANE - PARKING_STRIP * parking[0], 0.5 * LANE + PARKING_STRIP * parking[1])
    demands: tuple[list[str], list[str]] = ([], [])
    for kind in ("wall", "fence"):
        if kind in classes:
            demands[int(rng.integers(2))].append(kind)
    strips = _plan_strips(rng, demands) if "terrain" in classes else (0.0, 0.0)
    pavements = (float(rng.uniform(1.6, 3.4)), float(rng.uniform(1.6, 3.4)))
    stretches = [_plan_stretches(rng, demand, junction) for demand in demands]
    left, right = (
        Side(sign, edges[i], parking[i], pavements[i], strips[i], stretches[i]) for i, sign in enumerate((-1, 1))
    )
    return Street(left, right, junction, track, crossing_track, "terrain" in classes, int(rng.integers(2**31)))


def _plan_rails(rng: np.random.Generator, train: bool, junction: float | None) -> tuple[float | None, bool]:
    """x of a track along the street or None, and whether one runs along the crossing street; trains need either."""
    crossing = train and junction is not None and bool(rng.random() < 0.5)
    along = (train and not crossing) or rng.random() < 0.05
    return -LANE * 1.06 if along else None, crossing


def _plan_strips(rng: np.random.Generator, demands: tuple[list[str], list[str]]) -> tuple[float, float]:
    """Widths of the strips of open ground behind the sidewalks, so that some of it is seen."""
    strips = [float(rng.uniform(2, 6)) if rng.random() < 0.6 else 0.0 for _ in range(2)]
    seen = int(len(demands[0]) > len(demands[1]))  # the side where no wall stands before the strip
    if strips[seen] == 0:
        strips[seen] = float(rng.uniform(2.5, 6))
    return strips[0], strips[1]


def _plan_stretches(rng: np.random.Generator, demand: list[str], junction: float | None) -> tuple[Stretch, ...]:
    """Stretches of one side; the demanded kinds come first, near enough to be seen, houses and parks after."""
    z, found, waiting = float(rng.uniform(1.5, 4.0)), [], list(demand)
    if waiting and rng.random() < 0.35:
        waiting.insert(0, "houses")
    while z < FAR:
        kind = waiting.pop(0) if waiting else str(rng.choice(["houses", "park"], p=[0.8, 0.2]))
        length = rng.uniform(14, 26) if kind in ("wall", "fence") else rng.uniform(7, 22)
        end = min(z + length, FAR)
        if junction is not None and z < junction + CORNER and end > junction - CORNER:
            end = junction - CORNER  # the crossing street cuts the stretch off
        if end - z > 3:
            height = float(rng.uniform(6, 19) if rng.random() < 0.85 else rng.uniform(19, 32))
            found.append(Stretch(kind, z, end, height, int(rng.integers(2**31))))
        elif kind in demand:
            waiting.insert(0, kind)
        if junction is not None and end == junction - CORNER:
            z = junction + CORNER
        else:
            z = max(end, z) + rng.uniform(0, 0.8)
    return tuple(found)
