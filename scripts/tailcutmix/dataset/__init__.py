"""Data sources, the manifest and packed arrays. Nothing here needs torch."""
