"""Print Table 1 and say where tables and figures lie: ``show_results.py [CONFIGFILE]``."""

import sys
from pathlib import Path

import pandas as pd
import yaml

from tailcutmix.paper.tables.table1 import render_terminal

config = {}
for path in ["config/config.yaml", *sys.argv[1:]]:
    config |= yaml.safe_load(Path(path).read_text()).get("dataset", {})
results = Path("results") / config["name"]
print(render_terminal(pd.read_csv(results / "tables/table1.csv")))
print(f"\ntables   {results}/tables/\nfigures  {results}/figures/")
