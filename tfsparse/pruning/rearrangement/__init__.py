"""Rearranging output channels so that the blocks of a pattern hold what belongs together."""
