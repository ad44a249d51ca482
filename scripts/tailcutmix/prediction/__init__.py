"""From trained networks to label maps: multi-scale prediction, per-class scales, the ensemble."""
