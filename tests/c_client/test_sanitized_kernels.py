"""Good models of odd sizes under the sanitizers: no kernel looks past the end of anything.

TensorFlow allocates each tensor by itself and the sanitizer guards its ends, so a vector load that
takes in a few elements too many is found. Sizes are multiples of nothing. A process serves all
models of a path.
"""

import functools

import numpy as np
import pytest

from tests.ops.helpers import ISA_VARIABLE, isa_parameters

from .client import serve_in_python
from .models import batch, save_bf16_product, save_float_product, save_int8_products

pytestmark = pytest.mark.long

ROWS = (1, 15, 17, 63, 65)
BLOCKS = [(16, 4), (4, 1), (5, 3)]
SAVE = {"fp32": save_float_product, "bf16": save_bf16_product, "int8": save_int8_products}
ODD = [(precision, block) for precision in SAVE for block in BLOCKS]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model for a precision and a block, made once for all ISAs."""

    @functools.cache
    def make(precision, block, inputs=37, outputs=51, rows=ROWS):
        folder = tmp_path_factory.mktemp("kernels") / precision
        return SAVE[precision](folder, block, inputs, outputs, rows)

    return make


@pytest.fixture(scope="module")
def odd(model, sanitized_client):
    """What an ISA gives for the models of odd sizes, and what it should, by precision and block."""

    @functools.cache
    def expected(precision, block):
        return serve_in_python(model(precision, block), batch(max(ROWS), 37))

    @functools.cache
    def on(isa):
        calls = [(model(*each), batch(max(ROWS), 37)) for each in ODD]
        served = sanitized_client.serve_all(calls, **{ISA_VARIABLE: isa})
        return {each: (got, expected(*each)) for each, got in zip(ODD, served, strict=True)}

    return on


def check(precision, served, expected):
    assert served.y is not None, served.said
    assert served.y.shape == expected.shape
    if precision == "int8":
        np.testing.assert_array_equal(served.y, expected)
    else:
        np.testing.assert_allclose(served.y, expected, rtol=1e-4, atol=1e-4)


def check_all(client, precisions, folders, x, isa=""):
    served = client.serve_all([(folder, x) for folder in folders], **{ISA_VARIABLE: isa})
    for precision, folder, got in zip(precisions, folders, served, strict=True):
        check(precision, got, serve_in_python(folder, x))


def test_the_sanitizers_are_there(sanitized_client):
    """All files call the sanitizer; otherwise nothing below could fail."""
    for file in (sanitized_client.program, sanitized_client.many, sanitized_client.library):
        content = file.read_bytes()
        assert b"__asan_report_load" in content
        assert b"__ubsan_handle_add_overflow" in content or file != sanitized_client.library


@pytest.mark.parametrize("block", BLOCKS, ids=str)
@pytest.mark.parametrize("precision", SAVE)
@pytest.mark.parametrize("isa", isa_parameters())
def test_odd_sizes(odd, isa, precision, block):
    check(precision, *odd(isa)[precision, block])


@pytest.mark.parametrize("isa", ["portable", ""])
def test_not_a_number(sanitized_client, model, isa):
    x = batch(max(ROWS), 37)
    x[0, 36], x[14, 0], x[64, 36] = np.nan, np.inf, -np.inf
    floats = [each for each in ODD if each[0] != "int8"]
    folders = [model(*each) for each in floats]
    check_all(sanitized_client, [precision for precision, _ in floats], folders, x, isa)


def test_outputs_cut_among_threads(sanitized_client, model):
    """Few rows and many outputs: the other way to share the work."""
    folders = [model(each, (4, 1), inputs=499, outputs=1999, rows=(1, 7)) for each in SAVE]
    check_all(sanitized_client, SAVE, folders, batch(7, 499))


def test_no_rows(sanitized_client, model):
    folders = [model(each, (4, 1), inputs=5, outputs=3, rows=(0,)) for each in SAVE]
    check_all(sanitized_client, SAVE, folders, batch(2, 5))
