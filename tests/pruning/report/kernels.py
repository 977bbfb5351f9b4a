"""Kernels with zeros in known places."""

import numpy as np

from tfsparse.pattern import NMPattern, parse_pattern


def sparse_matrices(shape, pattern, sparsity, seed=0):
    """Matrices ``(groups, out, in)`` with blocks of `pattern` at zero, drawn at random."""
    rng = np.random.default_rng(seed)
    pattern = parse_pattern(pattern)
    groups, out, in_ = shape
    values = rng.uniform(0.5, 1.5, shape).astype("float32")
    if isinstance(pattern, NMPattern):
        order = rng.random((groups, out, in_ // pattern.of, pattern.of)).argsort(axis=-1)
        return values * (order < pattern.keep).reshape(shape)
    block = pattern.flag_block((out, in_))
    rows, columns = block.grid((out, in_))
    kept = rng.permutation(groups * rows * columns) >= round(sparsity * groups * rows * columns)
    kept = kept.reshape(groups, rows, columns).repeat(block.out, 1).repeat(block.in_, 2)
    return values * kept[:, :out, :in_]
