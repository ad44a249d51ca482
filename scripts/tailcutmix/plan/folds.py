"""Folds of train: blocks of its images, each of which is judged by a network that was trained without it."""

from dataclasses import dataclass

from tailcutmix.errors import UserError

JUDGED = "@folds"
"""What the name of a model ends in where each image of train is predicted by the network that left it out."""


@dataclass(frozen=True)
class Fold:
    """One of ``of`` blocks of train, counted from 1. A block's images follow one another: a sequence stays together."""

    number: int
    of: int

    @property
    def mark(self) -> str:
        """What the name of a network ends in that is trained without this fold."""
        return f"@fold{self.number}"

    def block(self, images: int) -> range:
        """The positions p of its images among N in the manifest's order: p * of // N is one less than its number."""
        first, end = (-(-images * number // self.of) for number in (self.number - 1, self.number))
        return range(first, end)

    def outside(self, images: int) -> int:
        """How many of N images are in the other folds."""
        return images - len(self.block(images))


def check_folds(count: int, images: int) -> None:
    """Raise a UserError where a split has fewer images than folds."""
    if images < count:
        raise UserError(f"config: selection.folds is {count}, but train holds {images} images; give fewer folds")


def folds_of(count: int) -> tuple[Fold, ...]:
    """All folds; of one, which is the whole split."""
    return tuple(Fold(number, count) for number in range(1, count + 1))
