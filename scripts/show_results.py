"""Print Table 1 and say where the page, tables and figures lie: ``show_results.py [CONFIGFILE]``."""

import sys
from functools import reduce
from pathlib import Path

import yaml

from tailcutmix.files import read_table
from tailcutmix.paper.tables.table1 import render_terminal
from tailcutmix.plan.files import Files
from tailcutmix.plan.plan import merged

configurations = [yaml.safe_load(Path(path).read_text()) for path in ["config/config.yaml", *sys.argv[1:]]]
files = Files(reduce(merged, configurations)["dataset"]["name"])
print(render_terminal(read_table(files.table("table1")["csv"])))
print(f"\ntables   {files.results}/tables/\nfigures  {files.results}/figures/")
for name in ("index", "ablation"):
    if Path(files.page(name)).exists():
        print(f"page     {files.page(name)}")
