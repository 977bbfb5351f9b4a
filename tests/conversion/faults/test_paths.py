"""Every path is TensorFlow's: other file systems, the home folder, and errors that say so.

Reported: `export(m, "gs://b/1")` and `"~/m"` succeeded, and made a folder `./gs:/b/1`.
"""

import os
import pathlib
import uuid

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse

from .models import assert_close, normal, thin

X = normal((3, 256))


@pytest.fixture(scope="module")
def model():
    return thin(keras.Sequential([keras.layers.Input((256,)), keras.layers.Dense(256, name="d")]))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to work in, where nothing may appear that was not asked for."""
    (tmp_path / "work").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "work"


@pytest.fixture
def remote():
    """A folder on a file system that is not the disk."""
    return f"ram://{uuid.uuid4().hex}"


def _check(path, model):
    loaded = tf.saved_model.load(path)
    assert_close(loaded.serve(tf.constant(X)).numpy(), np.asarray(model(X)))
    ops = {node.op for node in loaded.serve.concrete_functions[0].graph.as_graph_def().node}
    library = loaded.serve.concrete_functions[0].graph.as_graph_def().library.function
    ops |= {node.op for each in library for node in each.node_def}
    assert "Tfsparse>BlockSparseMatMul" in ops


def test_another_file_system_is_written(elsewhere, remote, model):
    report = tfsparse.export(model, f"{remote}/served/1")
    assert report["d"].converted
    _check(f"{remote}/served/1", model)
    assert tf.io.gfile.listdir(f"{remote}/served") in (["1"], ["1/"])
    assert not list(elsewhere.iterdir())


def test_a_converted_model_is_saved_there(elsewhere, remote, model):
    tfsparse.convert(model).save(f"{remote}/1")
    _check(f"{remote}/1", model)
    assert not list(elsewhere.iterdir())


def test_another_file_system_is_read(elsewhere, remote, model):
    model.export(str(elsewhere / "source"), verbose=False)
    _copy(elsewhere / "source", f"{remote}/source")
    (elsewhere / "source" / "saved_model.pb").unlink()
    tf.io.gfile.makedirs(f"{remote}/source/assets.extra")
    with tf.io.gfile.GFile(f"{remote}/source/assets.extra/requests", "w") as file:
        file.write("warm")
    tfsparse.export(f"{remote}/source", f"{remote}/1")
    _check(f"{remote}/1", model)
    with tf.io.gfile.GFile(f"{remote}/1/assets.extra/requests") as file:
        assert file.read() == "warm"


def _copy(source, target):
    for path in source.rglob("*"):
        if path.is_file():
            name = f"{target}/{path.relative_to(source)}"
            tf.io.gfile.makedirs(name.rpartition("/")[0])
            tf.io.gfile.copy(str(path), name)


def test_what_is_there_is_replaced_only_on_request(remote, model):
    tfsparse.export(model, f"{remote}/1")
    with tf.io.gfile.GFile(f"{remote}/1/left over", "w") as file:
        file.write("old")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        tfsparse.export(model, f"{remote}/1")
    tfsparse.export(model, f"{remote}/1", overwrite=True)
    _check(f"{remote}/1", model)
    assert not tf.io.gfile.exists(f"{remote}/1/left over")


def test_nothing_but_a_model_is_replaced(remote, model):
    tf.io.gfile.makedirs(f"{remote}/thesis")
    with tf.io.gfile.GFile(f"{remote}/thesis/text", "w") as file:
        file.write("precious")
    with pytest.raises(FileExistsError, match=r"saved_model\.pb"):
        tfsparse.export(model, f"{remote}/thesis", overwrite=True)
    assert tf.io.gfile.exists(f"{remote}/thesis/text")


@pytest.mark.parametrize("scheme", ["s3", "nowhere", "hdfs2"])
def test_a_file_system_that_is_missing_is_an_error(elsewhere, model, scheme):
    with pytest.raises((ValueError, OSError), match=scheme):
        tfsparse.export(model, f"{scheme}://bucket/1")
    with pytest.raises((ValueError, OSError), match=scheme):
        tfsparse.convert(f"{scheme}://bucket/1")
    assert not list(elsewhere.iterdir())


HOME = {
    "under the home folder": "~/served/1",
    "as a path": pathlib.Path("~", "served", "1"),
    "with a slash at its end": "~/served/1/",
}


@pytest.mark.parametrize("case", HOME)
def test_the_home_folder(elsewhere, model, case):
    tfsparse.export(model, HOME[case])
    home = pathlib.Path(os.environ["HOME"])
    _check(str(home / "served" / "1"), model)
    assert not list(elsewhere.iterdir())
    tfsparse.convert(HOME[case])


HERE = {
    "relative": "served/1",
    "with dots": "./served/../served/1",
    "with a slash at its end": "served/1/",
    "as a path": pathlib.Path("served", "1"),
    "with spaces and marks": "served/of the first year (2%)/1",
    "of another alphabet": "sérvé/模型/1",
}


@pytest.mark.parametrize("case", HERE)
def test_paths_on_the_disk(elsewhere, model, case):
    tfsparse.export(model, HERE[case])
    _check(str(elsewhere / HERE[case]), model)


def test_a_file_where_the_folder_should_be(elsewhere, model):
    (elsewhere / "file").write_text("precious")
    with pytest.raises((ValueError, OSError), match="file"):
        tfsparse.export(model, "file/1")
    assert (elsewhere / "file").read_text() == "precious"
    assert [path.name for path in elsewhere.iterdir()] == ["file"]


def test_a_folder_that_nobody_may_write(elsewhere, model):
    with pytest.raises((ValueError, OSError), match="/proc/nobody"):
        tfsparse.export(model, "/proc/nobody/1")
    assert not list(elsewhere.iterdir())
