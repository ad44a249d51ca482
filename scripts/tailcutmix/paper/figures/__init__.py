"""One figure per module; its ``make`` writes ``<stem>.png`` and ``<stem>.pdf``."""
