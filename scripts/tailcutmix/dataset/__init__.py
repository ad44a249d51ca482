"""Data sources, the manifest, packed arrays and the generated set ToyCity. Nothing here needs torch."""
