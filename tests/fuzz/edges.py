"""Random values, those at the edges more often than chance would have them."""

import random

import numpy as np

FLOATS = [
    *(0.0, -0.0, 1.0, -1.0, 127.5, 1e-30, 1e30, 3e38, -3e38, 1e-38, 1e-45, 1e-40),
    *(float("nan"), float("inf"), float("-inf")),
]


def generator(seed):
    """Of one seed; Python's own, which is the same everywhere."""
    return random.Random(seed)


def integer(rng, bits=63):
    power = 1 << rng.randrange(bits)
    return rng.choice([0, 1, -1, power, power - 1, -power, rng.randrange(-40, 300)])


def put(rng, array):
    """An array with a few elements at the edges of its type, or all of them."""
    array = np.array(array)
    if not array.size:
        return array
    places = rng.choice([1, 1, 2, 5, array.size])
    for place in rng.sample(range(array.size), min(places, array.size)):
        array.flat[place] = _value(rng, array.dtype)
    return array


def _value(rng, dtype):
    if np.dtype(dtype).kind == "b":
        return rng.random() < 0.5
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return min(max(integer(rng, limits.bits - 1), limits.min), limits.max)
    return rng.choice(FLOATS)


def reshaped(rng, array):
    """The array in another shape, cut or repeated."""
    array = np.asarray(array)
    change = rng.randrange(4)
    if change == 0 and array.ndim:
        return array[: len(array) - 1]
    if change == 1 and array.ndim:
        return np.concatenate([array, array[:1]])
    if change == 2:
        return array.reshape(-1)
    return array[None]
