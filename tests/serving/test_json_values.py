"""JSON as TensorFlow Serving reads it, also where KServe is not installed."""

import base64

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.serving.models import save
from tfsparse.serving.json_values import read_value
from tfsparse.serving.rows import call_columns, stack

RAW = b"\xff\x00\x00"
B64 = {"b64": base64.b64encode(RAW).decode()}


def same(found, expected):
    assert found.tolist() == expected


def test_bytes_wherever_a_value_may_stand():
    same(read_value(B64), RAW)
    same(read_value([B64, B64]), [RAW, RAW])
    same(read_value([[B64], [B64]]), [[RAW], [RAW]])
    found = read_value({"image": B64, "many": [[B64]], "x": [1.5], "text": "b64"})
    same(found["image"], RAW)
    same(found["many"], [[RAW]])
    same(found["x"], [1.5])
    same(found["text"], "b64")


def test_an_input_that_is_called_b64():
    """It is one where the object has other names too."""
    found = read_value({"b64": [1, 2], "x": [3]})
    same(found["b64"], [1, 2])
    same(read_value({"b64": B64, "x": 1})["b64"], RAW)


def test_other_values_are_as_numpy_has_them():
    assert read_value([[1, 2], [3, 4]]).dtype == np.int64
    assert read_value([1.0]).dtype == np.float64
    assert read_value(["a", "b"]).dtype.kind == "U"


@pytest.mark.parametrize("rows", [[B64, B64], [{"x": B64}, {"x": B64}]])
def test_a_model_takes_them(tmp_path, rows):
    folder = save(
        tmp_path / "1",
        lambda x: {"length": tf.strings.length(x)},
        tf.TensorSpec((None,), tf.string, "x"),
    )
    with tfsparse.load(folder) as model:
        columns = stack(model, [read_value(row) for row in rows])
        same(call_columns(model, columns)["length"], [3, 3])


@pytest.mark.parametrize("value", [{"b64": "no!"}, {"b64": "AAE"}, {"b64": 3}, [{"b64": ["AAE="]}]])
def test_what_is_not_base64_is_an_error(value):
    with pytest.raises(ValueError, match=r"`b64` should be.*Received: "):
        read_value(value)
