import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.freezing import freeze
from tfsparse.conversion.graph_function import graph_function

from .helpers import frozen, nodes, normal, save, spec


def test_variables_become_constants_and_keep_their_names(tmp_path):
    kernel = tf.Variable(normal((3, 4)), name="dense/kernel")
    graph = frozen(tmp_path, lambda x: {"y": x @ kernel}, {"x": spec(None, 3)}, [kernel])
    assert not graph.variables
    assert list(graph.weight_names.values()) == ["dense/kernel"]
    assert not nodes(graph.graph_def, "ReadVariableOp")
    x = normal((2, 3), 1)
    result = graph_function(graph)(x=tf.constant(x))["y"]
    np.testing.assert_allclose(result, x @ kernel.numpy(), rtol=1e-5)


def test_inputs_and_outputs_of_one_kind_are_not_mixed_up(tmp_path):
    def function(zeta, alpha, mid):
        return {"z": zeta - alpha, "a": mid * 2.0}

    graph = frozen(tmp_path, function, {name: spec(None) for name in ("zeta", "alpha", "mid")})
    result = graph_function(graph)(
        alpha=tf.constant([1.0]), mid=tf.constant([10.0]), zeta=tf.constant([100.0])
    )
    assert (float(result["z"][0]), float(result["a"][0])) == (99.0, 20.0)


def test_a_large_table_that_is_only_gathered_stays_a_variable(tmp_path):
    table = tf.Variable(normal((1000, 3)), name="table")
    kernel = tf.Variable(normal((3, 50)), name="kernel")
    graph = frozen(
        tmp_path,
        lambda ids: {"y": tf.nn.embedding_lookup(table, ids) @ kernel},
        {"ids": spec(None, dtype=tf.int32)},
        [table, kernel],
        large_table=600,
    )
    assert [variable.shape for variable in graph.variables.values()] == [(1000, 3)]
    assert graph.graph_def.ByteSize() < 1000 * 3 * 4
    result = graph_function(graph)(ids=tf.constant([7, 0]))["y"]
    np.testing.assert_allclose(result, table.numpy()[[7, 0]] @ kernel.numpy(), rtol=1e-5)


def test_a_large_table_that_is_also_multiplied_becomes_a_constant(tmp_path):
    table = tf.Variable(normal((100, 3)))
    graph = frozen(
        tmp_path,
        lambda ids: {"y": tf.matmul(tf.gather(table, ids), table, transpose_b=True)},
        {"ids": spec(None, dtype=tf.int32)},
        [table],
        large_table=600,
    )
    assert not graph.variables


def test_too_many_weights_are_refused_in_words(tmp_path):
    small, large = tf.Variable(normal((3, 4)), name="small"), tf.Variable(normal(30), name="big")
    with pytest.raises(ValueError, match=r"at most 100 bytes.*168 bytes, of which 120 in 'big'"):
        frozen(
            tmp_path,
            lambda x: {"y": x @ small, "z": large + 1.0},
            {"x": spec(None, 3)},
            [small, large],
            graph_limit=100,
        )


def test_lookup_tables_are_refused_in_words(tmp_path):
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), default_value=0
    )
    save(tmp_path, lambda x: {"y": table.lookup(x)}, {"x": spec(None, dtype=tf.string)}, [table])
    loaded = tf.saved_model.load(str(tmp_path))
    with pytest.raises(ValueError, match="lookup tables"):
        freeze(loaded.signatures["serving_default"])


def test_control_flow_still_works(tmp_path):
    kernel = tf.Variable(normal((3, 3)))

    def function(x):
        return {"y": tf.while_loop(lambda i, _: i < 3, lambda i, v: (i + 1, v @ kernel), (0, x))[1]}

    graph = frozen(tmp_path, function, {"x": spec(None, 3)}, [kernel])
    x = normal((2, 3), 1)
    expected = x @ np.linalg.matrix_power(kernel.numpy(), 3)
    np.testing.assert_allclose(graph_function(graph)(x=tf.constant(x))["y"], expected, rtol=1e-4)


def test_variables_of_one_name_are_counted_apart_and_name_nothing(tmp_path):
    twins = [tf.Variable(normal((3, 3), seed), name="twin/kernel") for seed in range(2)]

    def function(x):
        return {"y": x @ twins[0] @ twins[1]}

    assert frozen(tmp_path, function, {"x": spec(None, 3)}, twins).weight_names == {}
    with pytest.raises(ValueError, match="Received: 72 bytes"):
        frozen(tmp_path, function, {"x": spec(None, 3)}, twins, graph_limit=71)


@pytest.mark.parametrize("kind", ["counter", "generator"])
def test_variables_that_change_are_refused_in_words(tmp_path, kind):
    module = tf.Module()
    module.state = (
        tf.Variable(0.0, name="count") if kind == "counter" else tf.random.Generator.from_seed(1)
    )

    def function(x):
        if kind == "counter":
            return {"y": x + module.state.assign_add(1.0)}
        return {"y": x + module.state.normal([3])}

    save(tmp_path, function, {"x": spec(None, 3)}, [module.state])
    loaded = tf.saved_model.load(str(tmp_path))
    with pytest.raises(ValueError, match="should not change its variables"):
        freeze(loaded.signatures["serving_default"])


def test_a_session_s_saved_model_is_frozen(tmp_path):
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
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    graph = freeze(loaded.signatures["serving_default"])
    assert list(graph.weight_names.values()) == ["layer/kernel"]
    x = normal((2, 3))
    result = graph_function(graph)(early=tf.constant(x), late=tf.zeros((2, 3)))["out"]
    np.testing.assert_allclose(result, x @ values, rtol=1e-5)


def test_input_names_that_tensorflow_cannot_write_are_refused(tmp_path):
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None])
        v1.saved_model.simple_save(session, str(tmp_path / "m"), {"in-1": x}, {"out": x * 2.0})
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    with pytest.raises(ValueError, match=r"identifiers.*\['in-1'\]"):
        freeze(loaded.signatures["serving_default"])
