"""Files that the commands are called with, and a way to call them in this process."""

import json
import signal

import keras
import numpy as np
import pytest

from tfsparse.cli import main


@pytest.fixture
def interruptible():
    """Python's own handler of SIGINT, which a process in the background may not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """`dense.keras`, `sparse.keras`, `cnn.h5`, and `data.npz` for the first two."""
    folder = tmp_path_factory.mktemp("files")
    layers = [keras.layers.Dense(256, "relu", name=f"hidden_{i}") for i in (1, 2)]
    head = keras.layers.Dense(10, name="head")
    model = keras.Sequential([keras.layers.Input((128,), name="x"), *layers, head])
    model.save(folder / "dense.keras")
    for layer in layers:
        kernel, bias = layer.get_weights()
        gone = np.random.default_rng(0).random((len(kernel), 64)) < 0.9
        kernel.reshape(len(kernel), -1, 4)[gone] = 0
        layer.set_weights([kernel, bias])
    model.save(folder / "sparse.keras")
    model.export(folder / "sparse", verbose=False)
    convolutions = [
        keras.layers.DepthwiseConv2D(3, name="deep"),
        keras.layers.Conv2D(64, 3, name="c"),
    ]
    keras.Sequential([keras.layers.Input((8, 8, 32)), *convolutions]).save(folder / "cnn.h5")
    np.savez(folder / "data.npz", x=np.random.default_rng(1).random((100, 128), np.float32))
    return folder


@pytest.fixture
def run(capfd, monkeypatch):
    """Runs a command line; gives the exit code, what it printed, and its error."""
    monkeypatch.setenv("COLUMNS", "120")
    for variable, value in main._ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)  # is put back when the test ends

    def call(*arguments):
        capfd.readouterr()
        code = main.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def run_json(run):
    """The same with ``--json``; gives the exit code and the object."""

    def call(*arguments):
        code, out, err = run(*arguments, "--json")
        assert out, err
        return code, json.loads(out)

    return call
