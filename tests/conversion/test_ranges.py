import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.ranges import Percentile, Range, make_observer

from .helpers import normal

METHODS = ["minmax", "percentile", "mse", Percentile(90)]


def seen(method, *arrays):
    observer = make_observer(method)
    for array in arrays:
        observer.update(array)
    return observer.range()


def test_minmax_spans_all_arrays():
    x = normal((3, 40, 5))
    assert seen("minmax", *x) == Range(x.min(), x.max())


@pytest.mark.parametrize(("method", "cut"), [("percentile", 1e-4), (Percentile(90), 0.1)])
def test_percentiles_cut_off_both_ends(method, cut):
    x = normal((4, 50_000))
    found = seen(method, *x)
    low, high = np.quantile(x, [cut, 1 - cut])
    assert found.minimum == pytest.approx(low, rel=1 / 64)
    assert found.maximum == pytest.approx(high, rel=1 / 64)
    assert x.min() < found.minimum < found.maximum < x.max()


def test_all_of_100_percent():
    x = normal(1000)
    assert seen(Percentile(100), x) == Range(x.min(), x.max())


def test_mse_is_narrower_where_outliers_are_rare():
    x = np.append(normal(300_000), np.float32(40))
    found = seen("mse", x)
    assert -6 < found.minimum < -3
    assert 3 < found.maximum < 40


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_arrays_without_elements_say_nothing(method):
    x = normal((20, 3))
    assert seen(method, x[:0], x, x[:0]) == seen(method, x)
    nothing = seen(method, x[:0])
    assert nothing.minimum > nothing.maximum
    assert seen(method) == nothing


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("order", [1, -1])
def test_the_order_does_not_matter(method, order):
    x = np.sort(normal((5, 1000)), axis=None).reshape(5, -1)
    assert seen(method, *x[::order]) == seen(method, x)


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64])
def test_tensors_of_any_precision(method, dtype):
    x = tf.cast(np.arange(-100, 101) / 4, dtype)
    found = seen(method, x)
    assert type(found.minimum) is type(found.maximum) is float
    assert found == seen(method, np.arange(-100, 101, dtype=np.float32) / 4)


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(method, value):
    with pytest.raises(ValueError, match="NaN or Inf"):
        seen(method, np.array([1.0, value, 2.0]))


@pytest.mark.parametrize("method", ["max", None, 99.9, ("percentile", 99.9)])
def test_another_method_is_refused(method):
    with pytest.raises(ValueError, match="`method` should be 'minmax'"):
        make_observer(method)


@pytest.mark.parametrize("percent", [50, 100.1, 0.9999, np.nan])
def test_a_percentile_is_in_percent(percent):
    with pytest.raises(ValueError, match="`percent` should be more than 50"):
        Percentile(percent)
