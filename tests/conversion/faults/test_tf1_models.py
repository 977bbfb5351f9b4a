"""SavedModels that a session of TF1 has written.

Reported: with a table that the signature does not use, "Failed to import metagraph, check error
log". TensorFlow loads these models, and so their conversions.
"""

import contextlib

import numpy as np
import pytest
import tensorflow as tf

import tfsparse

from .models import Served, assert_close, kernel, normal, served_elsewhere

v1 = tf.compat.v1

WORDS = ["red", "green", "blue"]
X = normal((3, 256))


class Builder:
    """Writes a SavedModel of a graph that a test fills."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.tables = False

    @contextlib.contextmanager
    def graph(self):
        with v1.Graph().as_default() as graph, v1.Session(graph=graph) as self.session:
            self.x = v1.placeholder(tf.float32, [None, 256], name="x")
            yield self

    def variable(self, name="d/kernel", **options):
        shape = (256, 256)
        values = tf.constant(kernel(*shape))

        def initial(shape, dtype, partition_info=None):
            start = partition_info.var_offset if partition_info else (0, 0)
            return tf.slice(values, start, shape)

        return v1.get_variable(name, shape, initializer=initial, **options)

    def write(self, outputs, inputs=None, tags=("serve",), builder=None):
        self.session.run(v1.global_variables_initializer())
        self.session.run(v1.tables_initializer())
        inputs = {"x": self.x} | (inputs or {})
        signature = v1.saved_model.predict_signature_def(inputs, outputs)
        first = builder is None
        builder = builder or v1.saved_model.Builder(self.folder)
        add = builder.add_meta_graph_and_variables if first else builder.add_meta_graph
        options = {"main_op": v1.tables_initializer()} if self.tables else {}
        arguments = (self.session, list(tags)) if first else (list(tags),)
        add(*arguments, signature_def_map={"serving_default": signature}, **options)
        builder.save()
        return builder


def _convert(tmp_path, folder, **options):
    report = tfsparse.export(folder, tmp_path / "converted", **options)
    loaded = tf.saved_model.load(str(tmp_path / "converted"))
    return Served(report, loaded, tmp_path / "converted")


def _source(folder, tags=None, **inputs):
    loaded = tf.saved_model.load(folder, tags=tags)
    function = loaded.signatures["serving_default"]
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    return {name: value.numpy() for name, value in function(**tensors).items()}


def _unused_table(build):
    v1.get_variable("n", initializer=1.0)
    lines = tf.lookup.KeyValueTensorInitializer(WORDS, [0, 1, 2])
    tf.lookup.StaticHashTable(lines, -1)
    build.tables = True
    return {"y": build.x @ build.variable()}, {}


def _used_table(build):
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(WORDS, tf.range(3, dtype=tf.int64)), -1
    )
    build.tables = True
    words = v1.placeholder(tf.string, [None], name="words")
    return {"y": build.x @ build.variable(), "ids": table.lookup(words)}, {"words": words}


def _used_file(build):
    path = f"{build.folder}.txt"
    with tf.io.gfile.GFile(path, "w") as file:
        file.write("\n".join(WORDS))
    asset = tf.constant(path)
    v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, asset)
    index = tf.lookup.TextFileIndex
    lines = tf.lookup.TextFileInitializer(
        asset, tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
    )
    table = tf.lookup.StaticHashTable(lines, -1)
    build.tables = True
    words = v1.placeholder(tf.string, [None], name="words")
    return {"y": build.x @ build.variable(), "ids": table.lookup(words)}, {"words": words}


def _unused_variable_and_saver(build):
    v1.get_variable("step", initializer=0)
    v1.train.Saver()
    return {"y": tf.nn.relu(build.x @ build.variable())}, {}


def _reference_variable(build):
    return {"y": build.x @ build.variable(use_resource=False)}, {}


def _resource_variable(build):
    return {"y": build.x @ build.variable(use_resource=True)}, {}


def _partitioned_variable(build):
    parts = build.variable(partitioner=v1.fixed_size_partitioner(2))
    return {"y": build.x @ tf.convert_to_tensor(parts)}, {}


def _placeholder_with_default(build):
    scale = v1.placeholder_with_default(tf.constant(2.0), [], name="scale")
    return {"y": build.x @ build.variable() * scale}, {}


def _cond_of_tf1(build):
    w = build.variable()
    positive = tf.reduce_sum(build.x) > 0
    return {"y": v1.cond(positive, lambda: build.x @ w, lambda: -build.x) + build.x @ w}, {}


def _while_of_tf1(build):
    w = build.variable()
    step = lambda i, x: (i + 1, tf.nn.tanh(x @ w))  # noqa: E731
    _, y = v1.while_loop(lambda i, _: i < 2, step, (0, build.x))
    return {"y": y @ w}, {}


def _layers_of_tf1(build):
    hidden = tf.nn.bias_add(build.x @ build.variable("hidden/kernel"), normal((256,), 1))
    mean, variance = normal((256,), 2), np.abs(normal((256,), 3)) + 0.5
    normed = tf.nn.batch_normalization(hidden, mean, variance, None, None, 1e-3)
    return {"y": tf.nn.relu(normed) @ build.variable("d/kernel")}, {}


MODELS = {
    each.__name__.strip("_").replace("_", " "): each
    for each in (
        _unused_table,
        _used_table,
        _used_file,
        _unused_variable_and_saver,
        _reference_variable,
        _resource_variable,
        _partitioned_variable,
        _placeholder_with_default,
        _cond_of_tf1,
        _while_of_tf1,
        _layers_of_tf1,
    )
}


def _check(tmp_path, make):
    build = Builder(tmp_path / "source")
    with build.graph():
        build.write(*make(build))
    inputs = {"x": X}
    if make in (_used_table, _used_file):
        inputs["words"] = np.array(["blue", "none", "red"])
    expected = _source(build.folder, **inputs)
    served = _convert(tmp_path, build.folder)
    assert "d" in served.converted
    assert_close(served(**inputs), expected)
    return served


@pytest.mark.parametrize("case", MODELS)
def test_models_of_a_session(tmp_path, case):
    served = _check(tmp_path, MODELS[case])
    assert all(row.converted for row in served.report)


@pytest.fixture
def as_in_2018():
    """Variables that are references, and Switch, Merge, Enter and Exit for control flow."""
    v1.disable_control_flow_v2()
    v1.disable_resource_variables()
    yield
    v1.enable_control_flow_v2()
    v1.enable_resource_variables()


@pytest.mark.parametrize("case", MODELS)
def test_models_of_2018(tmp_path, as_in_2018, case):
    served = _check(tmp_path, MODELS[case])
    inside = [row for row in served.report if not row.converted]
    assert all("loop" in row.reason or "branch" in row.reason for row in inside)
    assert not inside or "tf1" in case


def _depthwise_in_a_while(build):
    scale, shift, filters = 1 + 0.1 * normal(16, 1), normal(16, 2), 0.3 * normal((3, 3, 16, 1), 3)

    def step(i, x):
        return i + 1, tf.nn.depthwise_conv2d(x, filters, [1] * 4, "SAME") * scale + shift

    images = tf.reshape(build.x, (-1, 4, 4, 16))
    shapes = (tf.TensorShape([]), tf.TensorShape([None, 4, 4, 16]))
    _, y = v1.while_loop(lambda i, _: i < 2, step, (0, images), shapes)
    return {"y": tf.reshape(y, (-1, 256)) @ build.variable()}, {}


def test_norms_in_a_while_stay(tmp_path, as_in_2018):
    """A constant that takes their place would have to be inside of the loop."""
    _check(tmp_path, _depthwise_in_a_while)


@pytest.mark.parametrize("case", ["reference variable", "while of tf1"])
def test_models_of_2018_in_a_new_process(tmp_path, as_in_2018, case):
    """The values of references live in a process; those of the file have to be in the file."""
    build = Builder(tmp_path / "source")
    with build.graph():
        build.write(*MODELS[case](build))
    expected = _source(build.folder, x=X)
    served = _convert(tmp_path, build.folder)
    assert_close(served_elsewhere(served.folder, tmp_path, x=X), expected)


def test_tags_choose_the_graph(tmp_path):
    build = Builder(tmp_path / "source")
    with build.graph():
        w = build.variable()
        builder = build.write({"y": build.x @ w}, tags=["serve"])
        build.write({"y": build.x @ w * 2.0}, tags=["serve", "double"], builder=builder)
    for place, tags in enumerate((["serve"], ["serve", "double"])):
        expected = _source(build.folder, tags=tags, x=X)
        folder = tmp_path / str(place)
        folder.mkdir()
        served = _convert(folder, build.folder, tags=tags)
        assert served.converted == ["d"]
        assert_close(served(x=X), expected)


def test_unknown_tags_are_refused_in_words(tmp_path):
    build = Builder(tmp_path / "source")
    with build.graph():
        build.write({"y": build.x @ build.variable()})
    with pytest.raises(ValueError, match=r"`tags` should be.*Received"):
        tfsparse.convert(build.folder, tags=["gpu"])


def test_int8(tmp_path):
    build = Builder(tmp_path / "source")
    with build.graph():
        build.write(*_unused_table(build))
    expected = _source(build.folder, x=X)
    report = tfsparse.export(build.folder, tmp_path / "converted", "int8", normal((100, 256)))
    assert report["d"].precision == "int8"
    function = tf.saved_model.load(str(tmp_path / "converted")).signatures["serving_default"]
    assert_close(function(x=tf.constant(X))["y"].numpy(), expected["y"], 0.05)
