"""Conversion wing: sparse matmuls into a TensorFlow SavedModel."""
