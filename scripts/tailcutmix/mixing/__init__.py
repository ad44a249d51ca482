"""Level-0 and multi-level tail pixel cutmix, what they are compared with, and the sampler that draws batches."""
