"""Tables and figures: read the result files, compute nothing that a result file should hold."""
