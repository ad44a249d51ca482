"""One table per module; its ``make`` writes ``<stem>.csv``, ``.md``, ``.html`` and ``.tex``."""
