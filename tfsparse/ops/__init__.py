"""Run wing: block-sparse matrices and the TensorFlow ops that multiply by them."""
