"""A recipe to a run."""
