"""A program without Python serves an exported model and gives Python's numbers."""

import numpy as np
import pytest

from tests.long_cases import some_of

from .client import serve_in_python, signature_elements
from .models import INPUTS, batch


def bits(y):
    return y.view(np.uint32)


@pytest.mark.parametrize("rows", some_of([1, 33, 200], [33]))
def test_agrees_with_python_to_the_last_bit(client, mlp, rows):
    run, y = client.serve(mlp, batch(rows))
    assert run.returncode == 0, run.stderr
    assert y.shape == (rows, 5)
    np.testing.assert_array_equal(bits(y), bits(serve_in_python(mlp, batch(rows))))


def test_rows_differ(client, mlp):
    """Guards the comparison above against a model that is constant."""
    _, y = client.serve(mlp, batch(20))
    assert (y.std(axis=0) > 0.01).all()


def test_empty_batch(client, mlp):
    run, y = client.serve(mlp, batch(0))
    assert run.returncode == 0, run.stderr
    assert y.shape == (0, 5)


def test_without_the_library_tensorflow_names_the_op(client, mlp):
    run, _ = client.serve(mlp, batch(2), with_library=False)
    assert run.returncode == 1
    assert "c_client: loading the model: code 5: " in run.stderr  # NOT_FOUND
    quantized = "Quantized" if mlp.name == "int8" else ""
    op = f"Tfsparse>{quantized}BlockSparseMatMulChain"
    assert f"Op type not registered '{op}'" in run.stderr


def test_wrong_number_of_inputs_is_an_error(client, mlp):
    run, _ = client.serve(mlp, batch(2, INPUTS - 4))
    assert run.returncode == 1
    assert "c_client: running the model: code 3: " in run.stderr


def test_help(client):
    run = client.call("--help")
    assert run.returncode == 0
    assert run.stdout.startswith("usage: c_client --model DIR")
    assert "c_client: " not in run.stderr


@pytest.fixture
def arguments(client, mlp, tmp_path):
    """A good command line, as flags."""
    (tmp_path / "x.raw").write_bytes(batch(2).tobytes())
    input_, output = signature_elements(mlp)
    return {
        "--library": client.library,
        "--model": mlp,
        "--input": input_,
        "--shape": f"2,{INPUTS}",
        "--input-file": tmp_path / "x.raw",
        "--output": output,
        "--output-file": tmp_path / "y.raw",
    }


def call(client, arguments):
    return client.call(*[word for flag in arguments.items() for word in flag])


def test_the_command_line_that_the_cases_below_change_is_good(client, arguments):
    assert call(client, arguments).returncode == 0


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"--modle": "x"}, 2, "unknown flag --modle"),
        ({"--shape": ""}, 2, "--shape is missing"),
        ({"--shape": "2,x"}, 2, "--shape should be sizes such as 32,128. Received: 2,x"),
        ({"--shape": "2,-24"}, 2, "Received: 2,-24"),
        ({"--shape": "3,24"}, 1, "should hold 288 bytes for this shape. Received: 192"),
        ({"--shape": "4611686018427387904,4"}, 1, "is too large"),
        ({"--library": "/nowhere.so"}, 1, "loading the library: code 5: /nowhere.so"),
        ({"--model": "/nowhere"}, 1, "loading the model: code 5: "),
        ({"--input-file": "/nowhere"}, 1, "cannot read /nowhere"),
        ({"--output-file": "/nowhere/y"}, 1, "cannot write /nowhere/y"),
        ({"--input": "absent:0"}, 1, "the graph has no element absent:0"),
        ({"--output": "serving_default_x:7"}, 1, "the graph has no element serving_default_x:7"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else None,
)
def test_what_is_wrong_is_said(client, arguments, changes, code, message):
    run = call(client, arguments | changes)
    assert run.returncode == code, run.stderr
    assert message in run.stderr
    assert ("usage: " in run.stderr) == (code == 2)


def test_a_flag_without_a_value(client):
    run = client.call("--model")
    assert run.returncode == 2
    assert "--model needs a value" in run.stderr
