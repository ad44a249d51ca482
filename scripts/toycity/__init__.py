"""ToyCity: a licence-free data set in the exact encoding and folders of MiniCity, drawn on demand.

It holds all 19 classes with MiniCity's long tail, instances and group regions, void, any number of images at any size.

- what writes: ``generate`` (folders, names and PNG files), from ``scene``, which renders one image with its labels
- what is decided first: ``plan`` (the classes of an image), ``street`` (the lie of its street), ``placement`` and
  ``cast`` (where vehicles, people and furniture stand)
- what draws: ``weather``, ``ground``, ``sides`` with ``buildings``, ``barriers`` and ``plants``; ``vehicles`` with
  ``cars``, ``trucks`` and ``buses``; ``cycles``, ``people``, ``furniture``; and last ``photo``, what the camera adds
- what it is drawn with: ``optics`` (camera and light), ``canvas``, ``solids`` and ``planes``, ``colours``, ``ids``
"""
