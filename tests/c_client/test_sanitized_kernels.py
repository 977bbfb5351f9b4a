"""Good models of odd sizes under the sanitizers: no kernel looks past the end of anything.

TensorFlow allocates each tensor by itself and the sanitizer guards its ends, so a vector load that
takes in a few elements too many is found. Sizes are multiples of nothing.
"""

import numpy as np
import pytest

from tests.ops.helpers import isa_parameters

from .client import serve_in_python
from .models import batch, save_bf16_product, save_float_product, save_int8_products

ROWS = (1, 15, 17, 63, 65)
BLOCKS = [(16, 4), (4, 1), (5, 3)]
SAVE = {"fp32": save_float_product, "bf16": save_bf16_product, "int8": save_int8_products}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model for a precision and a block, made once for all ISAs."""
    made = {}

    def make(precision, block, inputs=37, outputs=51, rows=ROWS):
        key = (precision, block, inputs)
        if key not in made:
            folder = tmp_path_factory.mktemp("kernels") / precision
            made[key] = SAVE[precision](folder, block, inputs, outputs, rows)
        return made[key]

    return make


def serve(client, folder, x, isa):
    run, y = client.serve(folder, x, TFSPARSE_ISA=isa)
    assert run.returncode == 0, run.stderr
    assert "runtime error" not in run.stderr
    return y


def check(client, folder, x, isa):
    y, expected = serve(client, folder, x, isa), serve_in_python(folder, x)
    assert y.shape == expected.shape
    if folder.name == "int8":
        np.testing.assert_array_equal(y, expected)
    else:
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_the_sanitizers_are_there(sanitized_client):
    """Both files call the sanitizer; otherwise nothing below could fail."""
    for file in (sanitized_client.program, sanitized_client.library):
        content = file.read_bytes()
        assert b"__asan_report_load" in content
        assert b"__ubsan_handle_add_overflow" in content or file == sanitized_client.program


@pytest.mark.parametrize("block", BLOCKS, ids=str)
@pytest.mark.parametrize("precision", SAVE)
@pytest.mark.parametrize("isa", isa_parameters())
def test_odd_sizes(sanitized_client, model, isa, precision, block):
    check(sanitized_client, model(precision, block), batch(max(ROWS), 37), isa)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_not_a_number(sanitized_client, model, block):
    x = batch(max(ROWS), 37)
    x[0, 36], x[14, 0], x[64, 36] = np.nan, np.inf, -np.inf
    for isa in ("portable", ""):
        for precision in ("fp32", "bf16"):
            check(sanitized_client, model(precision, block), x, isa)


@pytest.mark.parametrize("precision", SAVE)
def test_outputs_cut_among_threads(sanitized_client, model, precision):
    """Few rows and many outputs: the other way to share the work."""
    folder = model(precision, (4, 1), inputs=499, outputs=1999, rows=(1, 7))
    check(sanitized_client, folder, batch(7, 499), "")


@pytest.mark.parametrize("precision", SAVE)
def test_no_rows(sanitized_client, model, precision):
    folder = model(precision, (4, 1), inputs=5, outputs=3, rows=(0,))
    check(sanitized_client, folder, batch(2, 5), "")
