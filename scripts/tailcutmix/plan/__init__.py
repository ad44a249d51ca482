"""The plan of a run: the configuration, read once into frozen types that hold the only defaults."""
