"""The header for C++ gives what `tfsparse.load` gives, and a sentence where it cannot."""

import os
import subprocess

import numpy as np
import pytest

import tfsparse
from tests.long_cases import some_of

from .client import ENVIRONMENT
from .models import INPUTS


def call(program, library, folder, rows):
    environment = {**os.environ, **ENVIRONMENT}
    command = [str(each) for each in (program, library, folder, rows, INPUTS)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


@pytest.mark.parametrize("sanitized", some_of([False, True], [False]))
def test_gives_what_python_gives(client, request, mlp, sanitized):
    if sanitized:
        client = request.getfixturevalue("sanitized_client")
    done = call(client.by_load, client.library, mlp, 33)
    assert done.returncode == 0, done.stderr
    first, second, *rest = done.stdout.splitlines()
    errors = [line for line in rest if line.startswith("error: ")]  # TensorFlow's have more lines
    assert first == second, "of two threads"
    x = (np.arange(33 * INPUTS) % 23 / 8).astype(np.float32).reshape(33, INPUTS)
    with tfsparse.load(mlp) as model:
        expected = model(x)
        ((name, _),) = model.signature.outputs.items()
    found, rows, columns, digits = first.split()
    assert (found, int(rows), int(columns)) == (name, *expected.shape)
    assert digits == expected.tobytes().hex()
    for error, said in zip(
        errors,
        [
            "the input x is missing",
            "there are inputs of other names",
            "the input x should be of type 1",
            "running the model: code 3",
            "data<T>() should be of the array's type, 1. Received: 3",
            "as many elements as its shape",
            "the signature should be one of [serving_default]. Received: none",
        ],
        strict=True,
    ):
        assert said in error


def test_what_cannot_be_loaded(client, mlp, tmp_path):
    assert "error: loading the library: code" in call(client.by_load, "no.so", mlp, 1).stdout
    done = call(client.by_load, client.library, tmp_path / "none", 1)
    assert "error: loading the model: code 5" in done.stdout
