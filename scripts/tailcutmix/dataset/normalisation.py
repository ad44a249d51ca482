"""The one normalisation of images: every network, in training and in prediction, sees (image / 255 - MEAN) / STD.

The numbers are the per-channel RGB statistics that the field uses by custom (those of ImageNet); they are constants,
not weights, and carry no pre-training.
"""

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
