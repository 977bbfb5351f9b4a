"""The families of `keras.applications` come back from conversion as they were.

All of them take long, so a plain run has none (`test_convolutions_of_keras.py` has a small one);
`make test-applications` has all. The networks are
calibrated on the images that they are compared on: with random weights their norms amplify whatever
they have not seen.
"""

import functools

import numpy as np
import pytest

import tfsparse
from tfsparse.conversion import planning

from .applications import FAMILIES, KERAS, exists, images, pruned

pytestmark = pytest.mark.long

CASES = [
    pytest.param(k, name, id=f"{k}-{name}") for name in FAMILIES for k in KERAS if exists(k, name)
]
INT8_ERROR = 0.1
"""Of the results, by their norm. A layer errs by about 1%, and errors of fifty layers add up."""


@functools.lru_cache(maxsize=1)
def case(k, name):
    """A model, images, and its results for them."""
    model, x = pruned(k, name), images(name, 8)[:4]
    return model, x, np.asarray(model(x))


@pytest.fixture(autouse=True)
def everything(monkeypatch):
    """Converts every layer that can be, whatever the cost model says: the images are small."""
    monkeypatch.setattr(planning, "MIN_SPEEDUP", 0.0)


def results(converted, x):
    (y,) = converted(x).values()
    return y.numpy()


@pytest.mark.parametrize(("k", "name"), CASES)
def test_fp32_is_the_model(k, name):
    model, x, expected = case(k, name)
    converted = tfsparse.convert(model)
    y = results(converted, x)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert {row.reason.partition(" ")[0] for row in converted.report if not row.converted} <= {
        "DepthwiseConv2dNative"
    }


@pytest.mark.parametrize(("k", "name"), CASES)
def test_int8_is_close(k, name):
    model, x, expected = case(k, name)
    converted = tfsparse.convert(model, "int8", images(name, 8))
    error = results(converted, x) - expected
    assert np.linalg.norm(error) < INT8_ERROR * np.linalg.norm(expected)
    # Of depthwise convolutions the report has no error.
    errors = [row.error for row in converted.report if row.error is not None]
    assert max(errors) < 0.05
