"""Harder training examples."""
