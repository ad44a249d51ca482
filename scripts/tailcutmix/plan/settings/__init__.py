"""The sections of the configuration as frozen types: each key with its default, its limits and, under it, its meaning.

The schema and the tables of config/README.md are made from these (:mod:`tailcutmix.plan.schema`), and nothing else
holds a default. Types that belong together share a module, so that a change of one reruns what depends on it and no
more.
"""
