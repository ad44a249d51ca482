"""Captions, written for Snakemake's report in reStructuredText, as the HTML of a page."""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, StrictUndefined

MARKUP = (
    (re.compile(r"``(.+?)``", re.DOTALL), r"<code>\1</code>"),
    (re.compile(r"\*\*(.+?)\*\*", re.DOTALL), r"<strong>\1</strong>"),
    (re.compile(r"\*(.+?)\*", re.DOTALL), r"<em>\1</em>"),
)


def read_caption(path: str | Path, config: Mapping[str, Any]) -> str:
    """A caption with its fields filled from the configuration, as the report fills them.

    Only what captions use is understood: code, bold and italic words, and paragraphs are run together.
    """
    template = Environment(undefined=StrictUndefined).from_string(Path(path).read_text(encoding="utf-8"))
    return marked_up(template.render(snakemake=SimpleNamespace(config=config)))


def marked_up(text: str) -> str:
    """Inline reStructuredText as HTML; everything else is escaped."""
    marked = html.escape(" ".join(text.split()))
    for pattern, replacement in MARKUP:
        marked = pattern.sub(replacement, marked)
    return marked
