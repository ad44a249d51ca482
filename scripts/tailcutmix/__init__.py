"""Multi-level tail pixel cutmix and scale attention for long-tailed scene parsing.

The packages follow the technical report and the way of the data, and none imports from one that stands later:
labels -> dataset -> tail -> mixing -> models -> training -> prediction -> metrics -> paper.
"""
