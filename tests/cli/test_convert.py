"""`tfsparse convert`: what is written, what is compared, and what an interruption leaves."""

import numpy as np
import pytest

import tfsparse
from tfsparse.cli import exit_codes, verifying
from tfsparse.conversion.converted_model import ConvertedModel


def test_int8_with_data_is_written_and_compared(run_json, files, tmp_path):
    out = tmp_path / "served" / "1"
    code, found = run_json(
        *("convert", files / "sparse.keras", out, "--precision", "int8"),
        *("--calibration", files / "data.npz", "--verify"),
    )
    assert code == 0 and found["path"] == str(out)
    assert [op["precision"] for op in found["ops"][:2]] == ["int8", "int8"]
    (agreement,) = found["agreement"]
    x = np.load(files / "data.npz")["x"]
    expected = tfsparse.load(files / "sparse")(x)
    difference = tfsparse.load(out)(x) - expected
    assert agreement["max_difference"] == pytest.approx(abs(difference).max(), rel=1e-3)
    error = np.linalg.norm(difference) / np.linalg.norm(expected)
    assert 0 < agreement["relative_error"] == pytest.approx(error, rel=1e-3)
    assert 0.8 < agreement["same_class"] <= 1


def test_a_dry_run_writes_nothing(run, files, tmp_path):
    code, out, _ = run(
        "convert", files / "sparse", tmp_path / "1", "--dry_run", "--precision", "bf16"
    )
    assert code == 0 and "Nothing was written." in out and "3 of 3 products converted." in out
    assert not list(tmp_path.iterdir())


def test_the_flag_for_embeddings_is_passed_on(run_json, files, tmp_path):
    arguments = ("convert", files / "sparse", tmp_path / "1", "--dry_run", "--embeddings", "int8")
    code, found = run_json(*arguments)
    assert code == 0 and "`embeddings` changes no table" in found["notes"][0]


def test_synthetic_calibration_says_what_it_is(run, files, tmp_path):
    code, out, _ = run(
        *("convert", files / "sparse.keras", tmp_path / "1", "--precision", "int8"),
        *("--calibration", "synthetic", "--verify"),
    )
    assert code == 0 and "Calibrated on random numbers" in out and "on random numbers" in out
    assert (tmp_path / "1" / "saved_model.pb").exists()


def test_a_difference_that_is_too_large_is_an_exit_code(run, files, tmp_path):
    arguments = [
        "convert",
        files / "sparse.keras",
        tmp_path / "1",
        "--precision",
        "bf16",
        "--verify",
    ]
    assert run(*arguments, "--dry_run", "--max_difference", "0.5")[0] == 0
    assert run(*arguments, "--dry_run", "--max_difference", "1e-9")[0] == exit_codes.DIFFERENT


def test_overrides_and_an_existing_folder(run_json, run, files, tmp_path):
    arguments = ["convert", files / "sparse.keras", tmp_path / "1"]
    code, found = run_json(
        *arguments, "--override", "head=16x4", "--override", "hidden_1=skip", "--precision", "bf16"
    )
    assert code == 0
    assert [op["block"] for op in found["ops"]] == [None, "4x1", "16x4"]
    code, _, err = run(*arguments)
    assert code == exit_codes.REFUSED and "1" in err and len(err.splitlines()) == 1
    assert run(*arguments, "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--precision", "int8"], "`calibration_data` should be given"),
        (
            ["--precision", "int8", "--calibration", "missing.npz"],
            "--calibration should be an .npz",
        ),
        (["--override", "tail=skip"], "`overrides` should name layers of the model"),
        (["--target", "z80"], "`target` should be one of"),
        (["--signatures", "nothing"], "`signatures` should name some of"),
    ],
)
def test_what_is_refused(run, files, tmp_path, flags, message):
    code, out, err = run("convert", files / "sparse", tmp_path / "1", *flags)
    assert code == exit_codes.REFUSED and not out and message in err
    assert not (tmp_path / "1").exists()


def test_an_interruption_leaves_nothing(run, files, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    for place in ((verifying, "as_saved_model"), (ConvertedModel, "save")):
        with monkeypatch.context() as patch:
            patch.setattr(*place, interrupt)
            code, out, err = run(
                "convert",
                files / "sparse.keras",
                tmp_path / "a" / "1",
                "--precision",
                "bf16",
                "--verify",
            )
        assert code == exit_codes.INTERRUPTED and not out and "interrupted" in err
        assert not list(tmp_path.iterdir())


def test_one_array_is_for_the_only_input(run, files, tmp_path):
    np.save(tmp_path / "x.npy", np.load(files / "data.npz")["x"])
    code, _, err = run(
        *("convert", files / "sparse.keras", tmp_path / "1", "--precision", "int8"),
        *("--calibration", tmp_path / "x.npy"),
    )
    assert code == 0, err


@pytest.fixture
def several(tmp_path):
    """A model with the signatures `serving_default`, `one` and `two`."""
    import tensorflow as tf

    module = tf.Module()
    module.kernel = tf.Variable(np.eye(64, dtype=np.float32))
    functions = {
        name: tf.function(
            lambda x, factor=factor: {"y": factor * tf.matmul(x, module.kernel)},
            input_signature=[tf.TensorSpec((None, 64), name="x")],
        )
        for name, factor in {"serving_default": 1.0, "one": 2.0, "two": 3.0}.items()
    }
    tf.saved_model.save(module, tmp_path / "several", signatures=functions)
    return tmp_path / "several"


@pytest.mark.parametrize("kept", ["one", "one,two", "two,serving_default", None])
def test_a_signature_that_is_kept_is_compared(run_json, several, tmp_path, kept):
    flags = ["--signatures", kept] if kept else []
    code, found = run_json("convert", several, tmp_path / "1", *flags, "--verify", "--dry_run")
    assert code == 0 and [each["output"] for each in found["agreement"]] == ["y"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.ones((3, 128))}, "inputs ['x']. Received: ['y'], without ['x']"),
        ({"x": np.ones((0, 128))}, "should have examples. Received: none"),
    ],
)
def test_data_that_cannot_be_compared_on(run, files, tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    code, _, err = run(
        *("convert", files / "sparse", tmp_path / "1", "--precision", "bf16", "--verify"),
        *("--calibration", tmp_path / "data.npz"),
    )
    assert code == exit_codes.REFUSED and "--calibration should" in err and message in err
    assert not (tmp_path / "1").exists()
