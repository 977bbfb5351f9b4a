"""`tfsparse.load` beside TensorFlow's own loader: any model, any input, clear errors."""

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.serving.models import called, export_int8, save, spec
from tfsparse.serving import loading, served_model


@pytest.fixture(scope="module")
def int8(tmp_path_factory):
    return export_int8(tmp_path_factory.mktemp("int8") / "1")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two inputs and two outputs, not in the order of the alphabet."""
    folder = tmp_path_factory.mktemp("two") / "1"

    def function(x, a):
        return {"sum": x + tf.cast(a, tf.float32), "product": x * tf.cast(a, tf.float32)}

    return save(folder, function, spec((None, 3)), spec((), tf.int64, "a"))


def test_a_model_of_ours_gives_the_same_bits(int8):
    folder, x = int8
    with tfsparse.load(folder) as model:
        for rows in (0, 1, 2, 64):
            (expected,) = called(folder, x=x[:rows]).values()
            np.testing.assert_array_equal(model(x[:rows]), expected)
            np.testing.assert_array_equal(model(x=x[:rows]), expected)
            np.testing.assert_array_equal(model({"x": x[:rows]})["output_0"], expected)


def test_a_model_of_others_is_loaded_without_our_library(two, monkeypatch, tmp_path):
    monkeypatch.setattr(loading, "library_path", lambda: tmp_path / "missing.so")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    outputs = tfsparse.load(two)(x=x, a=np.int64(3))
    np.testing.assert_array_equal(outputs["sum"], x + 3)
    np.testing.assert_array_equal(outputs["product"], x * 3)


def test_a_signature_is_chosen_by_name(tmp_path):
    folder = save(tmp_path / "1", lambda x: x + 1, spec((None,)), signature="plus")
    assert tfsparse.load(folder)([1.0])[0] == 2
    assert tfsparse.load(folder, "plus").signature.key == "plus"
    with pytest.raises(ValueError, match=r"one of \['plus'\]. Received: signature='minus'"):
        tfsparse.load(folder, "minus")


DTYPES = [np.float64, np.float16, np.int8, np.uint8, np.int16, np.int64, np.bool_, np.complex64]


@pytest.mark.parametrize("dtype", [*DTYPES, tf.bfloat16.as_numpy_dtype], ids=str)
def test_types(tmp_path, dtype):
    folder = save(tmp_path / "1", tf.identity, spec((None, None), tf.as_dtype(dtype)))
    x = (np.arange(6).reshape(2, 3) % 2).astype(dtype)
    y = tfsparse.load(folder)(x)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("size", [10, 5_000, 300_000])
def test_layouts_and_sizes(tmp_path, size):
    folder = save(tmp_path / "1", lambda x: x + 1, spec(None))
    model = tfsparse.load(folder)
    x = np.arange(2 * size, dtype=np.float32)
    pair = x.reshape(2, size)
    for view in (x[::2], pair.T, pair[:, ::-1], pair.reshape(1, 2, 1, size), np.float32(7)):
        np.testing.assert_array_equal(model(view), view + 1)


def test_an_output_belongs_to_the_caller(tmp_path):
    constant = tf.constant(np.ones(50_000, np.float32))
    variable = tf.Variable(constant)
    folder = save(
        tmp_path / "1",
        lambda x: {"constant": constant, "variable": variable.value(), "input": x, "sum": x + 1},
        spec((None,)),
        state=variable,
    )
    model = tfsparse.load(folder)
    x = np.zeros(50_000, np.float32)
    first = model({"x": x})
    for output in first.values():
        output += 5
    second = model({"x": x})
    assert x.max() == 0
    assert {name: float(value[-1]) for name, value in second.items()} == {
        "constant": 1, "variable": 1, "input": 0, "sum": 1,
    }  # fmt: skip
    del model
    assert first["sum"][-1] == 6, "outlives the model"


TEXTS = [b"", b"short", b"\x00\xff", b"longer than what fits into a TF_TString itself", b"x" * 5000]


def test_strings(tmp_path):
    folder = save(tmp_path / "1", tf.identity, spec((None,), tf.string))
    model = tfsparse.load(folder)
    assert model(np.array(TEXTS, object)).tolist() == TEXTS
    assert model(TEXTS).tolist() == TEXTS
    assert model(np.array(["ä", "b"])).tolist() == ["ä".encode(), b"b"]
    assert model(np.zeros((0,), object)).shape == (0,)
    with pytest.raises(TypeError, match=r"`x` should hold texts.*Received: 5 of type int"):
        model(np.array(["a", 5], object))


def test_strings_that_a_model_keeps_stay_whole(tmp_path):
    kept = tf.Variable([""], shape=[None], dtype=tf.string)

    def function(x):
        before = tf.identity(kept)
        with tf.control_dependencies([before]):
            kept.assign(x)
        return before

    model = tfsparse.load(save(tmp_path / "1", function, spec((None,), tf.string), state=kept))
    model(np.array(TEXTS, object))
    for _ in range(3):
        assert model(np.array(TEXTS, object)).tolist() == TEXTS


def test_tables_and_assets_are_there(tmp_path):
    (tmp_path / "words.txt").write_text("zero\none\ntwo\n")
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            str(tmp_path / "words.txt"),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        1,
    )
    folder = save(tmp_path / "1", table.lookup, spec((None,), tf.string), state=table)
    (tmp_path / "words.txt").unlink()
    assert tfsparse.load(folder)(["two", "one", "ten"]).tolist() == [2, 1, 3]


def test_loops_and_branches(tmp_path):
    def function(x):
        while tf.reduce_sum(x) < 100:
            x = x * 2 if tf.reduce_max(x) > 3 else x + 1
        return x

    folder = save(tmp_path / "1", function, spec((None,)))
    x = np.array([1, 2], np.float32)
    np.testing.assert_array_equal(tfsparse.load(folder)(x), called(folder, x=x)["output_0"])


@pytest.mark.parametrize(
    ("args", "named", "error", "message"),
    [
        ([[1.0]], {}, TypeError, r"\['a', 'x'\], by name. Received: one without a name"),
        ([1, 2], {}, TypeError, "Received: 2 without a name"),
        ([], {"x": [[1.0]]}, TypeError, r"Received: \['x'\]"),
        ([], {"x": [[1.0]], "b": 1}, TypeError, r"Received: \['b', 'x'\]"),
        ([{"x": 1, "a": 1, "b": 1}], {}, TypeError, r"Received: \['a', 'b', 'x'\]"),
        ([], {"x": np.ones((1, 3)), "a": 1}, TypeError, "`x` should be of float32. Rec.* float64"),
        ([], {"x": tf.ones((1, 3), tf.int32), "a": 1}, TypeError, "`x` should be of float32"),
        ([], {"x": [["a"] * 3], "a": 1}, TypeError, "`x` should be an array of float32.*list"),
        ([], {"x": [[1.0, 2.0]], "a": 1}, ValueError, r"`x` .*\(None, 3\).*Received: .* \(1, 2\)"),
        ([], {"x": [1.0, 2.0, 3.0], "a": 1}, ValueError, r"`x` .*Received: shape \(3,\)"),
        ([], {"x": [[1.0, 2, 3]], "a": [1]}, ValueError, r"`a` .*\(\),.*Received: shape \(1,\)"),
    ],
)
def test_inputs_that_do_not_fit(two, args, named, error, message):
    with pytest.raises(error, match=message):
        tfsparse.load(two)(*args, **named)


def test_what_the_model_says_no_to_is_an_error_and_the_next_call_works(tmp_path):
    folder = save(tmp_path / "1", lambda x: tf.reshape(x, [-1, 4]), spec((None,)))
    model = tfsparse.load(folder)
    with pytest.raises(tf.errors.InvalidArgumentError, match="multiple of 4"):
        model(np.ones(3, np.float32))
    assert model(np.ones(8, np.float32)).shape == (2, 4)


def test_the_parts_of_a_sparse_input_are_arrays(tmp_path):
    folder = save(
        tmp_path / "1", lambda x: tf.sparse.to_dense(x), tf.SparseTensorSpec([None, 3], tf.float32)
    )
    assert len(tfsparse.load(folder).signature.inputs) == 3


def test_a_signature_that_takes_what_is_no_array_is_refused(tmp_path):
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.sparse_placeholder(tf.float32, name="x")
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": tf.sparse.to_dense(x)})
        builder = v1.saved_model.Builder(str(tmp_path / "1"))
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    with pytest.raises(ValueError, match=r"Received: 'x', which is a sparse or comp"):
        tfsparse.load(tmp_path / "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "gpu"}, "`device` should be 'cpu'. Received: device='gpu'"),
        ({"threads": 0}, "`threads` should be a positive integer. Received: threads=0"),
        ({"threads": True}, "Received: threads=True"),
        ({"threads": 1.0}, "Received: threads=1.0"),
    ],
)
def test_wrong_arguments(two, arguments, message):
    with pytest.raises(ValueError, match=message):
        tfsparse.load(two, **arguments)


def test_what_is_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no saved_model\.pb"):
        tfsparse.load(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff nothing of the sort")
    with pytest.raises(ValueError, match=r"that TensorFlow can load.*TensorFlow says"):
        tfsparse.load(tmp_path)


def test_a_model_for_another_op_library_is_refused(int8, tmp_path):
    folder = tmp_path / "1"
    tf.io.gfile.makedirs(str(folder))
    subprocess.run(["cp", "-r", int8[0] + "/.", folder], check=True)
    file = folder / "assets.extra" / "tfsparse.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"op_library": 999}))
    with pytest.raises(ImportError, match=r"ops of version 1 to \d+.*exported for version 999"):
        tfsparse.load(folder)


def test_a_closed_model_says_so_and_calls_under_way_end_well(tmp_path):
    def slow(x):
        return tf.while_loop(lambda y: y < 100_000.0, lambda y: (y + 1.0,), (x,))[0]

    model = tfsparse.load(save(tmp_path / "1", slow, spec(())))
    results = []
    threads = [threading.Thread(target=lambda: results.append(model(0.0))) for _ in range(2)]
    for thread in threads:
        thread.start()
    model.close()
    model.close()
    for thread in threads:
        thread.join()
    with pytest.raises(RuntimeError, match="after `close`"):
        model(0.0)
    assert all(result == 100_000 for result in results)


def test_threads_call_at_the_same_time(int8):
    folder, x = int8
    model = tfsparse.load(folder)
    expected = model(x)
    wrong = []

    def call(seed):
        rows = np.random.default_rng(seed).permutation(len(x))[: 1 + seed]
        for _ in range(200):
            if not np.array_equal(model(x[rows]), expected[rows]):
                wrong.append(seed)

    threads = [threading.Thread(target=call, args=[seed]) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_pickled_model_is_loaded_anew(int8):
    folder, x = int8
    model = tfsparse.load(folder, "serving_default")
    again = pickle.loads(pickle.dumps(model))
    model.close()
    assert again.path == folder and again.signature.key == "serving_default"
    np.testing.assert_array_equal(again(x), tfsparse.load(folder)(x))


def _call_in_child(model, queue):
    try:
        queue.put(str(model([1.0])))
    except RuntimeError as error:
        queue.put(str(error))


def test_a_forked_process_is_told_why(tmp_path):
    model = tfsparse.load(save(tmp_path / "1", tf.identity, spec((None,))))
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_call_in_child, args=[model, queue])
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert "Received: a call in a forked process" in queue.get()


def _close_in_child(model, queue):
    session = model._session
    session._close = (lambda *_: queue.put("closed"),)
    session._delete_graph = lambda _: queue.put("deleted")
    del session
    model.close()
    queue.put("end")


def test_a_forked_process_leaves_the_session_alone(tmp_path):
    model = tfsparse.load(save(tmp_path / "1", tf.identity, spec((None,))))
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_close_in_child, args=[model, queue])
    child.start()
    child.join(60)
    assert child.exitcode == 0 and queue.get() == "end"
    assert model([1.0]).tolist() == [1.0]
    _close_in_child(model, queue)
    assert [queue.get() for _ in range(3)] == ["closed", "deleted", "end"]


def test_outputs_are_given_back_where_one_cannot_be_read(two, monkeypatch):
    model = tfsparse.load(two)
    x = {"x": np.zeros((2, 3), np.float32), "a": np.int64(1)}
    given_back = []
    delete = served_model.delete_tensor

    def fail(tensor, _):
        delete(tensor)
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(served_model, "to_array", fail)
        patch.setattr(served_model, "delete_tensor", lambda t: (given_back.append(t), delete(t)))
        with pytest.raises(MemoryError):
            model(x)
    assert len(given_back) == len(model.signature.inputs) + len(model.signature.outputs) - 1
    assert len(model(x)) == len(model.signature.outputs)


def test_warm_up(tmp_path, int8):
    tfsparse.load(int8[0]).warm_up(3)
    tfsparse.load(save(tmp_path / "1", tf.identity, spec((None,), tf.string))).warm_up()
    with pytest.raises(ValueError, match=r"'x' of shape \(None, None\)"):
        tfsparse.load(save(tmp_path / "2", tf.identity, spec((None, None)))).warm_up()


def test_it_says_what_it_is(two):
    model = tfsparse.load(two)
    assert repr(model).startswith(
        f"<tfsparse model {two!r}, serving_default: (a: int64(), x: float32(None, 3)) -> "
        "(product: float32(None, 3), sum: float32(None, 3)), threads="
    )
    assert model.info is None


POOLS = """
import sys, warnings
import tfsparse
warnings.simplefilter("error")
assert [tfsparse.load(sys.argv[1], threads=n).threads for n in (1, 3)] == [1, 3]
from pathlib import Path
def count():
    return len(list(Path("/proc/self/task").iterdir()))
before = count()
model = tfsparse.load(sys.argv[1], threads=5)
assert count() - before == 5, count() - before
"""


def test_each_model_has_the_threads_it_asks_for(two):
    """In a process of its own, in which TensorFlow has not computed anything yet."""
    done = subprocess.run([sys.executable, "-c", POOLS, two], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


LATE = """
import sys, warnings
import tensorflow as tf
import tfsparse
tf.constant(1) + 1  # TensorFlow's pool is there now
there = tfsparse.load(sys.argv[1]).threads
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert tfsparse.load(sys.argv[1], threads=77).threads == there
said = [str(each.message) for each in caught if each.category is UserWarning]
assert f"threads=77, and a pool of {there} that is there" in "".join(said), said
"""


def test_it_is_said_when_it_is_too_late_for_threads(two):
    """In a process of its own, as the command's tests give each session a pool of its own."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_OVERRIDE_GLOBAL_THREADPOOL"}
    done = subprocess.run(
        [sys.executable, "-c", LATE, two], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
