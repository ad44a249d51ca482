"""ToyCity: a licence-free data set in the exact encoding and folders of MiniCity, drawn on demand.

It holds all 19 classes with MiniCity's long tail, instances and group regions, void, any number of images at any size.
"""
