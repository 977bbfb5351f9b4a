"""Weights are stored once, whatever reads them.

Reported: four signatures over the same weights made four copies, on disk and in memory; a Keras 3
model with an LSTM before its dense layers had `serve` and `serving_default` counted as different
ones, and its file was twice as large.
"""

import numpy as np
import pytest
import tensorflow as tf

from .models import BOTH, assert_close, kernel, normal, serve, signatures, spec, thin

pytestmark = pytest.mark.one_keras

DENSE = normal((256, 512))
SIZE = DENSE.nbytes
X = normal((3, 256))
GRAPHS = 100_000
"""Room for graphs, in bytes."""


class Heads(tf.Module):
    """A backbone of 0.5 MB, with signatures that compute different things."""

    def __init__(self):
        super().__init__()
        self.w = tf.Variable(DENSE, name="backbone/kernel")
        self.out = tf.Variable(kernel(512, 256), name="head/kernel")

    @tf.function(input_signature=[spec(None, 256)])
    def encode(self, x):
        return {"code": tf.nn.relu(x @ self.w)}

    @tf.function(input_signature=[spec(None, 256)])
    def score(self, x):
        return {"score": tf.nn.softmax(tf.nn.relu(x @ self.w) @ self.out)}

    @tf.function(input_signature=[spec(None, None, 256)])
    def sequence(self, x):
        return {"mean": tf.reduce_mean(tf.einsum("bti,io->bto", x, self.w), axis=1)}

    @tf.function(input_signature=[spec(None, 256), spec(None, 256)])
    def compare(self, x, y):
        return {"difference": x @ self.w - y @ self.w}

    @tf.function(input_signature=[spec(None, 256)])
    def repeated(self, x):
        body = lambda i, h: (i + 1, h + x @ self.w)  # noqa: E731
        return {"sum": tf.while_loop(lambda i, _: i < 3, body, (0, x @ self.w))[1]}

    @tf.function(input_signature=[spec(None, 256)])
    def chosen(self, x):
        positive = tf.reduce_sum(x) > 0
        return {"y": tf.cond(positive, lambda: x @ self.w, lambda: tf.nn.relu(x @ self.w))}


FUNCTIONS = ["encode", "score", "sequence", "compare", "repeated", "chosen"]
INPUTS = {name: {"x": X} for name in FUNCTIONS} | {
    "sequence": {"x": normal((2, 4, 256))},
    "compare": {"x": X, "y": normal((3, 256), 1)},
}


def _only_variables(module):
    """What holds the variables and no functions, so that signatures are all that is saved."""
    holder = tf.Module()
    holder.kept = [module.w, module.out]
    return holder


def _variables(served, keys):
    """The variables of more than a few elements that functions read."""
    found = {}
    for key in keys:
        for variable in served.loaded.signatures[key].variables:
            if tf.size(variable) > 1000:
                found[id(variable)] = variable
    return list(found.values())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_signatures_over_one_backbone(tmp_path, precision):
    module = Heads()
    functions = {name: getattr(module, name) for name in FUNCTIONS}
    folder, source = signatures(tmp_path, module, **functions)
    words = {"backbone": "convert", "head": "skip"}
    served = serve(tmp_path, folder, precision, overrides=words)
    rows = [row for row in served.report if row.layer == "backbone"]
    assert all(row.converted for row in rows)
    assert {key for row in rows for key in row.signatures} == set(FUNCTIONS)
    for key, inputs in INPUTS.items():
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        expected = {name: y.numpy() for name, y in source.signatures[key](**tensors).items()}
        bound = 1e-5 if precision == "fp32" else 0.02
        assert_close(served(signature=key, **inputs), expected, bound)
    packed = SIZE if precision == "fp32" else SIZE / 2
    # The blocks of a dense matrix know their places: a few hundredths more.
    assert packed < served.bytes - module.out.numpy().nbytes < 1.1 * packed + 3 * GRAPHS
    assert len(_variables(served, ["encode"])) == len(_variables(served, FUNCTIONS[2:]))


def test_int8_of_signatures_that_take_the_same(tmp_path):
    module = Heads()
    keys = ["encode", "score", "repeated"]
    functions = {name: getattr(module, name) for name in keys}
    folder, source = signatures(tmp_path, _only_variables(module), **functions)
    words = {"backbone": "convert", "head": "skip"}
    served = serve(tmp_path, folder, "int8", normal((200, 256)), overrides=words)
    expected = source.signatures["encode"](x=tf.constant(X))["code"].numpy()
    assert_close(served(signature="encode", x=X)["code"], expected, 0.05)
    assert served.bytes - module.out.numpy().nbytes < 1.2 * SIZE / 4 + 3 * GRAPHS


@pytest.mark.parametrize("count", [2, 4])
def test_more_signatures_take_no_more_space(tmp_path, count):
    module = Heads()

    def scaled(factor):
        return tf.function(
            lambda x: {"y": tf.nn.relu(x @ module.w) * factor}
        ).get_concrete_function(x=spec(None, 256))

    functions = {f"head{i}": scaled(float(i + 1)) for i in range(count)}
    folder, source = signatures(tmp_path, _only_variables(module), **functions)
    served = serve(tmp_path, folder, overrides={"backbone": "convert"})
    assert SIZE < served.bytes < 1.1 * SIZE + GRAPHS
    for key in functions:
        expected = source.signatures[key](x=tf.constant(X))["y"].numpy()
        assert_close(served(signature=key, x=X)["y"], expected)


@BOTH
@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Bidirectional"])
def test_a_recurrent_layer_in_front(tmp_path, k, cell):
    inputs = k.Input((6, 16), name="x")
    if cell == "Bidirectional":
        layer = k.layers.Bidirectional(k.layers.LSTM(128))
    else:
        layer = getattr(k.layers, cell)(256)
    model = thin(k.Model(inputs, k.layers.Dense(512, name="d")(layer(inputs))))
    variable = next(w for w in model.weights if tuple(w.shape) == (256, 512))
    variable.assign(DENSE)
    served = serve(tmp_path, model, overrides={"d": "convert"})
    rows = [row for row in served.report if row.layer == "d"]
    assert len(rows) == 1
    x = normal((2, 6, 16))
    expected = np.asarray(model(x))
    for key in served.loaded.signatures:
        assert_close(next(iter(served(x, signature=key).values())), expected)
    assert_close(served.loaded.serve(tf.constant(x)).numpy(), expected)
    others = sum(int(np.prod(w.shape)) * 4 for w in model.weights) - SIZE
    assert served.bytes < 1.1 * SIZE + others + 3 * GRAPHS


def test_dense_weights_that_something_else_reads_stay_beside_the_packed_ones(tmp_path):
    """A table whose rows are looked up, and that is multiplied: both work, each stored once."""
    module = tf.Module()
    module.table = tf.Variable(DENSE.T.copy(), name="tied/embeddings")
    lookup = tf.function(lambda ids: {"rows": tf.gather(module.table, ids)})
    logits = tf.function(lambda x: {"y": tf.matmul(x, module.table, transpose_b=True)})
    functions = {
        "lookup": lookup.get_concrete_function(ids=spec(None, dtype=tf.int32)),
        "logits": logits.get_concrete_function(x=spec(None, 256)),
    }
    folder, source = signatures(tmp_path, module, **functions)
    served = serve(tmp_path, folder, overrides={"tied": "convert"})
    ids = np.int32([3, 500])
    assert_close(served(signature="lookup", ids=ids)["rows"], DENSE.T[ids])
    expected = source.signatures["logits"](x=tf.constant(X))["y"].numpy()
    assert_close(served(signature="logits", x=X)["y"], expected)
    assert 2 * SIZE < served.bytes < 2.1 * SIZE + GRAPHS


def test_layers_that_share_one_kernel(tmp_path):
    """Called five times in one graph: one copy."""
    module = Heads()

    def body(x):
        return {"y": tf.add_n([tf.nn.relu((x + float(i)) @ module.w) for i in range(5)])}

    concrete = tf.function(body).get_concrete_function(x=spec(None, 256))
    folder, source = signatures(tmp_path, _only_variables(module), serving_default=concrete)
    served = serve(tmp_path, folder, overrides={"backbone": "convert"})
    assert served.converted == ["backbone"] * 5
    assert_close(
        served.only(X), source.signatures["serving_default"](x=tf.constant(X))["y"].numpy()
    )
    assert SIZE < served.bytes < 1.1 * SIZE + GRAPHS
