"""Tables become INT8 or bfloat16, row by row."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion import tables
from tfsparse.conversion.tables import Tables, quantize_rows

from .helpers import normal


def test_each_row_has_its_own_scale():
    values = normal((50, 16)) * np.logspace(-6, 6, 50)[:, None].astype(np.float32)
    quantized, scale = quantize_rows(values)
    np.testing.assert_allclose(scale, np.abs(values).max(1) / 127, rtol=1e-6)
    assert (np.abs(quantized).max(1) == 127).all()
    assert (np.abs(scale[:, None] * quantized - values) <= 0.5001 * scale[:, None]).all()


def test_parts_give_the_same_as_the_whole(monkeypatch):
    values = normal((37, 8))
    whole = quantize_rows(values)
    monkeypatch.setattr(tables, "_PART", 40)
    parts = quantize_rows(values)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_of_zeros_and_of_the_smallest_numbers_are_zeros():
    values = np.array([[0, 0], [1e-45, -1e-45], [1e-38, 0]], np.float32)
    quantized, scale = quantize_rows(values)
    assert not quantized.any()
    assert np.isfinite(scale).all() and (scale > 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_refuses_what_is_not_finite(value, precision):
    values = np.ones((3, 4), np.float32)
    values[1, 2] = value
    with pytest.raises(ValueError, match="`values` should be finite"):
        Tables().get("table", precision, lambda: values, "table")


def test_bfloat16_refuses_what_it_would_make_infinite():
    with pytest.raises(ValueError, match="finite in bfloat16"):
        Tables().get("table", "bf16", lambda: np.full((1, 2), 3.4e38, np.float32), "table")


def test_one_table_is_made_once_and_forgotten_when_nothing_reads_it():
    store, values = Tables(), normal((5, 4))
    one = store.get("one", "int8", lambda: values, "scope")
    assert store.get("one", "int8", lambda: values, "scope") is one
    other = store.get("one", "bf16", lambda: values, "scope")
    assert other.data.dtype == tf.bfloat16 and other.scale is None
    np.testing.assert_allclose(tf.cast(other.data, tf.float32), values, rtol=2**-8)
    assert len(store.variables) == 3
    store.keep_only({id(one.data.handle)})
    assert [each.name.split(":")[0] for each in store.variables] == ["scope/int8", "scope/scale"]
