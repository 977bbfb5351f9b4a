import numpy as np
import pytest

from tfsparse.conversion.histogram import Histogram

from .helpers import normal

WIDTH = 1 / 64
BIG = np.finfo(np.float32).max


def histogram(*arrays):
    found = Histogram()
    for array in arrays:
        found.update(np.asarray(array, np.float32))
    return found


def samples():
    rng = np.random.default_rng(0)
    x = normal(50_000)
    yield "normal", x
    yield "relu", np.maximum(x, 0)
    yield "negative", -np.abs(x) - 1
    yield "heavy tails", rng.standard_cauchy(50_000).astype(np.float32)
    yield "magnitudes", np.exp(15 * x)
    yield "one outlier", np.append(x, np.float32(1e30))
    yield "integers", rng.integers(-3, 200, 50_000).astype(np.float32)
    yield "constant", np.full(100, 2.5, np.float32)
    yield "one", np.array([-7.0], np.float32)


@pytest.mark.parametrize(
    ("name", "x"), list(samples()), ids=lambda each: each if type(each) is str else ""
)
@pytest.mark.parametrize("share", [0.0, 1e-4, 0.01, 0.3, 0.5, 0.9, 0.9999, 1.0])
def test_quantiles_are_those_of_numpy_to_the_width_of_a_bin(name, x, share):
    found = histogram(*np.array_split(x, 7)).quantile(share)
    # Between two values of the data any is as good as another.
    low, high = (np.quantile(x, share, method=method) for method in ("lower", "higher"))
    assert low - WIDTH * abs(low) <= found <= high + WIDTH * abs(high)


def test_the_bins_hold_every_value_and_are_in_order():
    x = np.concatenate([normal(10_000), [0.0, -0.0, BIG, -BIG, 1e-45, -1e-45, 2.0**-126]])
    x = x.astype(np.float32)
    low, high, counts = histogram(x).bins()
    assert counts.sum() == len(x)
    assert (low <= high).all()
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) >= 0).all()
    assert (low[0], high[-1]) == (-BIG, BIG)
    for at, count in ((low, counts), (high, counts)):
        np.testing.assert_allclose(np.repeat(at, count), np.sort(x), rtol=WIDTH, atol=2e-38)


def test_the_order_of_the_data_does_not_matter():
    x = normal(1000) * 1000
    (one, other) = (histogram(*parts).bins() for parts in ([x], np.split(x[::-1], 10)))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_arrays_larger_than_a_chunk_and_of_any_layout():
    x = np.arange(3 << 20, dtype=np.float32).reshape(3, -1).T[::2]
    found = histogram(x)
    assert found.bins()[2].sum() == x.size
    assert (found.minimum, found.maximum) == (x.min(), x.max())
