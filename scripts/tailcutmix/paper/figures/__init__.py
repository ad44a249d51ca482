"""One figure a module; every ``draw_*`` writes ``<stem>.png`` and ``<stem>.pdf``."""
