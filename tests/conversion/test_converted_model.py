import numpy as np
import pytest
import tensorflow as tf

import tfsparse

from .helpers import FLOAT_OP, blocky, float_bound, nodes, normal, save, spec

W = blocky(8, 6, (4, 1), keep=0.5).T.copy()


def converted(path, function=None, inputs=None, variables=()):
    function = function or (lambda x: {"y": tf.matmul(x, W, name="layer")})
    save(path, function, inputs or {"x": spec(None, 6)}, variables)
    names = [op.layer for op in tfsparse.convert(path).report]
    return tfsparse.convert(path, overrides=dict.fromkeys(names, "convert"))


def test_one_input_needs_no_name(tmp_path):
    model, x = converted(tmp_path), normal((5, 6))
    np.testing.assert_array_equal(model(x)["y"], model(x=x)["y"])
    np.testing.assert_allclose(model(x)["y"], x @ W, atol=float_bound(x, W))


def test_inputs_are_cast(tmp_path):
    result = converted(tmp_path)(np.ones((2, 6), np.int64))["y"]
    np.testing.assert_allclose(result, np.ones((2, 6)) @ W, atol=1e-5)


@pytest.mark.parametrize(
    ("args", "inputs"), [((), {}), ((1, 2), {}), ((1,), {"x": 2}), ((), {"z": 1})]
)
def test_other_inputs_are_refused(tmp_path, args, inputs):
    with pytest.raises(TypeError, match=r"should be \['x'\], by name"):
        converted(tmp_path)(*args, **inputs)


def test_several_inputs_need_names(tmp_path):
    model = converted(
        tmp_path, lambda x, z: {"y": x @ W + z}, {"x": spec(None, 6), "z": spec(None, 8)}
    )
    with pytest.raises(TypeError, match=r"should be \['x', 'z'\]"):
        model(normal((2, 6)))


def test_the_graph_can_be_looked_at(tmp_path):
    model = converted(tmp_path)
    assert nodes(model.graph_def(), FLOAT_OP)
    assert model.graph_def("serving_default") == model.graph_def()
    with pytest.raises(ValueError, match="Received: signature='nothing'"):
        model.graph_def("nothing")


def test_several_signatures_without_a_default_are_named(tmp_path):
    double = tf.function(lambda x: {"y": 2.0 * x}).get_concrete_function(x=spec(None))
    tf.saved_model.save(tf.Module(), str(tmp_path), {"a": double, "b": double})
    model = tfsparse.convert(tmp_path)
    with pytest.raises(
        ValueError, match=r"\['a', 'b'\]. Received: signature=None, and there is no"
    ):
        model(normal((3,)))


def test_saves_what_it_computes(tmp_path):
    model, x = converted(tmp_path / "source"), normal((5, 6))
    model.save(tmp_path / "1")
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    result = loaded.signatures["serving_default"](x=tf.constant(x))["y"]
    np.testing.assert_array_equal(result, model(x)["y"])


def test_tables_are_saved_as_the_variables_that_they_are(tmp_path):
    table = tf.Variable(normal((5000, 6)))
    model = converted(
        tmp_path / "source",
        lambda ids: {"y": tf.matmul(tf.gather(table, ids), W, name="layer")},
        {"ids": spec(None, dtype=tf.int32)},
        [table],
    )
    model.save(tmp_path / "1")
    assert (tmp_path / "1" / "saved_model.pb").stat().st_size < 5000 * 6 * 4
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    result = loaded.signatures["serving_default"](ids=tf.constant([3, 4999]))["y"]
    np.testing.assert_allclose(result, table.numpy()[[3, 4999]] @ W, atol=1e-5)


def test_a_failing_writer_loses_nothing(tmp_path, monkeypatch):
    model = converted(tmp_path / "source")
    model.save(tmp_path / "1")
    before = (tmp_path / "1" / "saved_model.pb").read_bytes()

    def half(module, path, signatures, options):
        (tmp_path / "touched").write_text(path)
        raise RuntimeError("no space")

    monkeypatch.setattr(tf.saved_model, "save", half)
    with pytest.raises(RuntimeError, match="no space"):
        model.save(tmp_path / "1", overwrite=True)
    assert (tmp_path / "touched").exists()
    assert (tmp_path / "1" / "saved_model.pb").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "source", "touched"]


def test_extra_assets_of_the_source_go_along(tmp_path):
    model = converted(tmp_path / "source")
    (tmp_path / "source" / "assets.extra").mkdir()
    (tmp_path / "source" / "assets.extra" / "requests").write_text("warm")
    model.save(tmp_path / "1")
    assert (tmp_path / "1" / "assets.extra" / "requests").read_text() == "warm"
