"""The run as a page: one HTML file with all that a reader wants to see, and nothing to load beside it."""
