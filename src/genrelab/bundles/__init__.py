"""A run to one file, and that file to a classifier."""
