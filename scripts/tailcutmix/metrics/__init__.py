"""Pixel-level scores of Cityscapes and the challenge, with bootstrap intervals, from label images."""
