"""Pruning without training: which blocks go, and what the others do to make up for them."""
