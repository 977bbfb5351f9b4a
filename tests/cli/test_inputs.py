"""The data that a user hands in."""

import shutil

import numpy as np
import pytest

from tfsparse.cli.command import CommandError
from tfsparse.cli.inputs import read_npz, take
from tfsparse.serving.signature import Spec


def test_what_a_file_holds_is_no_matter_of_its_name(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    np.save(tmp_path / "b.npy", np.arange(3))
    shutil.copy(tmp_path / "a.npz", tmp_path / "named.npy")
    shutil.copy(tmp_path / "b.npy", tmp_path / "nameless")
    for name, key in (("a.npz", "x"), ("named.npy", "x"), ("b.npy", ""), ("nameless", "")):
        (pair,) = read_npz(str(tmp_path / name), "data").items()
        assert pair[0] == key and pair[1].tolist() == [0, 1, 2]


def _damaged(content):
    """The same with other bytes where the compressed data lie."""
    return content[:60] + bytes(each ^ 0xFF for each in content[60:100]) + content[100:]


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda c: c[: len(c) // 2], lambda c: c[:-1], _damaged]
)
def test_a_file_that_is_not_whole_is_a_sentence(tmp_path, damage):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).random(100))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CommandError, match=r"--data should be an \.npz file.*NumPy says"):
        read_npz(str(path), "data")


def test_rows_begin_again():
    specs = {
        "x": Spec("x", np.dtype(np.float32), (None,), "x:0", 1),
        "rate": Spec("rate", np.dtype(np.float32), (), "rate:0", 1),
    }
    taken = take({"x": np.arange(2), "rate": np.float64(0.5)}, specs, 5)
    assert taken["x"].tolist() == [0, 1, 0, 1, 0] and taken["x"].dtype == np.float32
    assert taken["rate"].shape == () and taken["rate"] == 0.5
    with pytest.raises(CommandError, match=r"should have examples\. Received: none for 'x'"):
        take({"x": np.zeros((0,)), "rate": np.float64(0.5)}, specs, 5)


@pytest.mark.parametrize(
    ("given", "dtype", "stays"),
    [
        ([1.0, 2.0], "int32", True),
        ([1.0, 1.7], "int32", False),
        ([1.0, float("nan")], "int32", False),
        ([1, 2**40], "int32", False),
        ([0, 1], "bool", True),
        ([0, 2], "bool", False),
        ([0.1, 2**40 + 1], "float32", True),
    ],
)
def test_integers_stay_what_they_are(given, dtype, stays):
    specs = {"x": Spec("x", np.dtype(dtype), (None,), "x:0", 1)}
    if stays:
        assert take({"x": np.array(given)}, specs, 2)["x"].dtype == dtype
    else:
        with pytest.raises(CommandError, match=f"values of {dtype} for the input 'x'.*would chang"):
            take({"x": np.array(given)}, specs, 2)
