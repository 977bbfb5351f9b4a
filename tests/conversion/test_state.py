import numpy as np
import pytest
import tensorflow as tf

import tfsparse

from .helpers import normal, read, spec


def changing(example):
    names = [variable.name for variable in example.state.variables.values()]
    ids = example.state.changing
    return {
        name.split(":")[0]
        for name, handle in zip(names, example.state.variables, strict=True)
        if handle in ids
    }


def test_a_variable_that_is_only_read_never_changes(tmp_path):
    table = tf.Variable(normal((10, 3)), name="table")
    kernel = tf.Variable(normal((3, 5)), name="kernel")

    def function(ids):
        return {"y": tf.nn.embedding_lookup(table, ids) @ kernel, "n": tf.shape(table)[0]}

    inputs = {"ids": spec(None, dtype=tf.int32)}
    example = read(tmp_path, function, inputs, [table, kernel])
    assert changing(example) == set()
    np.testing.assert_allclose(
        example(ids=np.int32([7, 0]))["y"], table.numpy()[[7, 0]] @ kernel.numpy(), rtol=1e-5
    )


def _branch(count, x):
    return tf.cond(x[0] > 0, lambda: count.assign_add(1.0), lambda: count.read_value())


def _loop(count, x):
    def step(i):
        count.assign_add(1.0)
        return i + 1

    i = tf.while_loop(lambda i: i < 3, step, [0])[0]
    with tf.control_dependencies([i]):
        return count.read_value()


def _map(count, x):
    return tf.map_fn(lambda v: v * count.assign_add(1.0), x)[0]


def _scatter(count, x):
    return tf.reshape(count, [1]) * 0.0 + count.assign_sub(-1.0)


CHANGES = {
    "plainly": lambda count, x: count.assign_add(1.0),
    "in a branch": _branch,
    "in a loop": _loop,
    "in map_fn": _map,
    "by another op": _scatter,
    "in a branch in a loop": lambda count, x: tf.while_loop(
        lambda i, _: i < 2, lambda i, _: (i + 1, _branch(count, x)), (0, count.read_value())
    )[1],
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_variable_that_is_written_changes_and_goes_on_doing_so(tmp_path, case):
    count = tf.Variable(0.0, name="count")
    weight = tf.Variable(2.0, name="weight")

    def function(x):
        return {"y": CHANGES[case](count, x) * weight}

    example = read(tmp_path, function, {"x": spec(2)}, [count, weight])
    assert changing(example) == {"count"}
    source = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    x = np.ones(2, np.float32)
    for _ in range(3):
        expected = source(x=tf.constant(x))["y"].numpy()
        np.testing.assert_allclose(example(x=x)["y"], expected)


def test_random_generators_go_on(tmp_path):
    module = tf.Module()
    module.generator = tf.random.Generator.from_seed(1)
    draw = lambda x: {"y": x + module.generator.normal([3])}  # noqa: E731
    example = read(tmp_path, draw, {"x": spec(3)}, [module.generator])
    one, two = (example(x=np.zeros(3, np.float32))["y"] for _ in range(2))
    assert not np.array_equal(one, two)


def test_variables_of_one_name_name_nothing(tmp_path):
    twins = [tf.Variable(normal((3, 3), seed), name="twin/kernel") for seed in range(2)]
    single = tf.Variable(normal((3, 3)), name="single/kernel")

    def function(x):
        return {"y": x @ twins[0] @ twins[1] @ single}

    state = read(tmp_path, function, {"x": spec(None, 3)}, [*twins, single]).state
    assert state.layer_variable(["twin/kernel"]) is None
    assert state.layer_variable(["twin/kernel", "single/kernel"]) == "single/kernel"


def test_scopes_of_one_name_are_one(tmp_path):
    """Unless that would give two variables one name."""
    wrapped, inner, outer = (
        tf.Variable(normal((3, 3), seed), name=name)
        for seed, name in enumerate(["a/a/b/kernel", "c/c/kernel", "c/kernel"])
    )

    def function(x):
        return {"y": x @ wrapped @ inner @ outer}

    state = read(tmp_path, function, {"x": spec(None, 3)}, [wrapped, inner, outer]).state
    assert {state.name_of(each) for each in state.variables.values()} == {"a/b/kernel", "c/kernel"}
    assert state.layer_variable(["a/b/kernel"]) == "a/b/kernel"
    assert state.layer_variable(["c/kernel"]) is None


def test_another_signature_s_writes_count(tmp_path):
    kernel = tf.Variable(normal((256, 256)), name="dense/kernel")
    module = tf.Module()
    module.kernel = kernel
    predict = tf.function(lambda x: {"y": x @ kernel}).get_concrete_function(x=spec(None, 256))
    train = tf.function(lambda d: {"n": tf.reduce_sum(kernel.assign_add(d))})
    signatures = {"predict": predict, "train": train.get_concrete_function(d=spec(256, 256))}
    tf.saved_model.save(module, str(tmp_path), signatures)
    converted = tfsparse.convert(tmp_path)
    assert not any(row.converted for row in converted.report)
    assert converted.report.ops[0].reason == "its weights are not constant"
    x, d = tf.constant(normal((2, 256), 1)), tf.ones((256, 256))
    converted.signatures["train"](d=d)
    expected = x @ (kernel + d)
    np.testing.assert_allclose(converted.signatures["predict"](x=x)["y"], expected, rtol=1e-4)


def test_a_saved_model_of_a_session_is_read(tmp_path):
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        late = v1.placeholder(tf.float32, [None, 3], name="a")
        early = v1.placeholder(tf.float32, [None, 3], name="z")
        kernel = v1.get_variable("layer/kernel", [3, 4])
        session.run(v1.global_variables_initializer())
        outputs = {"out": tf.matmul(early - late, kernel)}
        v1.saved_model.simple_save(
            session, str(tmp_path / "m"), {"early": early, "late": late}, outputs
        )
        values = session.run(kernel)
    converted = tfsparse.convert(tmp_path / "m", overrides={"layer": "convert"})
    x = normal((2, 3))
    result = converted(early=x, late=np.zeros((2, 3), np.float32))["out"]
    np.testing.assert_allclose(result, x @ values, rtol=1e-5)
