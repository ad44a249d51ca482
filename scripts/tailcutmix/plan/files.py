"""Where every result lies: the paths of a run, spelled here and nowhere else.

A part of a path may be a wildcard of Snakemake: ``files.weights("{model}", "{seed}")``.
"""

from dataclasses import dataclass

TABLE_FORMATS = ("csv", "md", "tex", "html")
FIGURE_FORMATS = ("png", "pdf")


@dataclass(frozen=True)
class Files:
    """The result files of the data set ``name``."""

    name: str

    @property
    def results(self) -> str:
        return f"results/{self.name}"

    @property
    def raw(self) -> str:
        """Folder of the generated ToyCity."""
        return f"{self.results}/raw"

    @property
    def manifest(self) -> str:
        return f"{self.results}/manifest.csv"

    def packed(self, split: str) -> dict[str, str]:
        """The packed arrays of a split, and the index of what they hold."""
        folder = f"{self.results}/packed/{split}"
        return {"images": f"{folder}/images.npy", "truth": f"{folder}/labels.npy", "index": f"{folder}/index.csv"}

    @property
    def statistics(self) -> str:
        return f"{self.results}/stats/labels.csv"

    @property
    def initial_buckets(self) -> str:
        return f"{self.results}/buckets/initial.csv"

    @property
    def buckets(self) -> str:
        return f"{self.results}/buckets/final.csv"

    def subset(self, slug: str) -> dict[str, str]:
        """The tables of a tail class's subset B1."""
        folder = f"{self.results}/subsets/{slug}"
        return {name: f"{folder}/{name}.csv" for name in ("regions", "boxes", "counts")}

    def level(self, slug: str, level: int) -> str:
        """Folder of the crops of a tail class at a level."""
        return f"{self.results}/subsets/{slug}/level{level}"

    def weights(self, model: str, seed: int | str) -> str:
        return f"{self.results}/models/{model}/seed{seed}/model.safetensors"

    def history(self, model: str, seed: int | str) -> str:
        return f"{self.results}/models/{model}/seed{seed}/history.csv"

    @property
    def running(self) -> str:
        """Folder of the running checkpoints, one folder per run in it."""
        return f"{self.results}/running"

    def scales(self, model: str, seed: int | str) -> str:
        return f"{self.results}/scales/{model}/seed{seed}.csv"

    def weights_of_scales(self, model: str, seed: int | str, split: str) -> dict[str, str]:
        """How much each scale counts: a table by object, and pictures."""
        stem = f"{self.results}/scales/{model}/seed{seed}_{split}"
        return {"objects": f"{stem}_objects.csv", "pictures": f"{stem}_pictures.npz"}

    def predictions(self, method: str, seed: int | str, split: str) -> str:
        """Folder of label images."""
        return f"{self.results}/predictions/{method}/seed{seed}/{split}"

    def gate(self, ensemble: str, seed: int | str) -> str:
        return f"{self.results}/{ensemble}/seed{seed}/gate.csv"

    def claims(self, ensemble: str, seed: int | str, split: str) -> str:
        return f"{self.results}/{ensemble}/seed{seed}/{split}_claims.csv"

    def scores(self, method: str, seed: int | str, split: str) -> str:
        return f"{self.results}/metrics/{method}/seed{seed}/{split}.json"

    def image_statistics(self, method: str, seed: int | str, split: str) -> str:
        return f"{self.results}/metrics/{method}/seed{seed}/{split}.npz"

    def table(self, name: str) -> dict[str, str]:
        return {suffix: f"{self.results}/tables/{name}.{suffix}" for suffix in TABLE_FORMATS}

    def figure(self, name: str) -> dict[str, str]:
        return {suffix: f"{self.results}/figures/{name}.{suffix}" for suffix in FIGURE_FORMATS}

    def page(self, name: str) -> str:
        """A page for readers: ``index``, ``ablation`` or ``data``."""
        return f"{self.results}/{name}.html"

    def record(self, name: str) -> str:
        """What the results on a page were made by."""
        return f"{self.results}/run.yaml" if name == "index" else f"{self.results}/run_{name}.yaml"

    @property
    def published(self) -> str:
        """Folder of the tables and figures that are kept with the code."""
        return f"docs/results/{self.name}"

    @property
    def submission(self) -> str:
        return f"{self.results}/submission/test.zip"

    @property
    def logs(self) -> str:
        return f"logs/{self.name}"

    def log(self, rule: str, instance: str = "") -> str:
        """The log of a job; ``instance`` tells the jobs of one rule apart."""
        return f"{self.logs}/{rule}{instance and '/'}{instance}.log"

    def benchmark(self, rule: str, instance: str = "") -> str:
        """Snakemake's own record of a job's time and memory, beside its log."""
        return f"{self.logs}/{rule}{instance and '/'}{instance}.tsv"
