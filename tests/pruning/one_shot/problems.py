"""Small problems of least squares, and their answers by brute force."""

import itertools

import numpy as np


def hessian(inputs, rank=None, seed=0):
    """Second moments of inputs that depend on each other, damped by a hundredth."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((rank or inputs, inputs))
    x = np.maximum(rng.standard_normal((400, len(mixing))) @ mixing, 0.0)
    moments = x.T @ x / len(x)
    return moments + 0.01 * np.trace(moments) / inputs * np.eye(inputs)


def weights(*shape, seed=0):
    return np.random.default_rng(seed + 100).standard_normal(shape)


def direct(matrix, moments, kept):
    """Weights that are zero where `kept` is not, and change the outputs least: (out, in)."""
    new = np.zeros_like(matrix)
    root = np.linalg.cholesky(moments).T  # ||root v||^2 = v H v
    for row in range(len(matrix)):
        stays = kept[row]
        new[row, stays] = np.linalg.lstsq(root[:, stays], root @ matrix[row], rcond=None)[0]
    return new


def error(matrix, new, moments):
    change = matrix - new
    return float(np.einsum("oi,ij,oj->", change, moments, change))


def least_error(matrix, moments, count, width=1):
    """Error of the best choice of blocks of inputs that go from all rows alike."""
    columns = matrix.shape[1] // width
    found = []
    for gone in itertools.combinations(range(columns), count):
        kept = np.ones(columns, bool)
        kept[list(gone)] = False
        kept = np.broadcast_to(np.repeat(kept, width), matrix.shape)
        found.append(error(matrix, direct(matrix, moments, kept), moments))
    return min(found)
