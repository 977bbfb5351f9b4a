"""However a graph spells the product by a constant, it is found, and named after its variable.

Reported: attention of open length, KerasHub's BERT, and tf_keras's EinsumDense were converted in
part or not at all, because matching knew one spelling of each layer.
"""

import numpy as np
import pytest
import tensorflow as tf

from tests.long_cases import some_of

from .models import assert_close, function, kernel, normal, serve_all, spec

W = kernel(256, 256)
HEADS = W.reshape(256, 4, 64)
MERGE = W.reshape(4, 64, 256)


def _reshaped(x, w):
    return tf.reshape(tf.reshape(x, [-1, 256]) @ w, [-1, 7, 256])


def _reshaped_by_its_shape(x, w):
    rows, length = tf.shape(x)[0], tf.shape(x)[1]
    return tf.reshape(tf.reshape(x, [-1, 256]) @ w, tf.stack([rows, length, 256]))


def _reshaped_and_transposed(x, w):
    rows = tf.reshape(tf.transpose(x, [0, 2, 1]), [-1, 256])
    return tf.transpose(tf.reshape(rows @ w, [-1, 7, 256]), [0, 2, 1])


def einsum(equation):
    if equation.split(",")[0] in ("io", "oi", "IO", "pq"):
        return lambda x, w: tf.einsum(equation, w, x)
    return lambda x, w: tf.einsum(equation, x, w)


# Name: the product, the variable, the shape of x.
MATRIX = {
    "MatMul": (lambda x, w: x @ w, W, (None, 256)),
    "MatMul of a fixed batch": (lambda x, w: x @ w, W, (5, 256)),
    "transposed weights": (lambda x, w: tf.matmul(x, w, transpose_b=True), W, (None, 256)),
    "transposed by an op": (lambda x, w: x @ tf.transpose(w), W, (None, 256)),
    "transposed activations": (lambda x, w: tf.matmul(x, w, transpose_a=True), W, (256, 5)),
    "weights first": (lambda x, w: tf.matmul(w, x), W, (256, 5)),
    "BatchMatMul, fixed": (lambda x, w: tf.matmul(x, w), W, (None, 7, 256)),
    "BatchMatMul, open": (lambda x, w: tf.matmul(x, w), W, (None, None, 256)),
    "BatchMatMul of four axes": (lambda x, w: tf.matmul(x, w), W, (None, 2, None, 256)),
    "BatchMatMul, adjoint": (
        lambda x, w: tf.matmul(x, w, adjoint_b=True),
        W,
        (None, None, 256),
    ),
    "BatchMatMul by a batch of one": (lambda x, w: tf.matmul(x, w[None]), W, (None, 7, 256)),
    "Tensordot, fixed": (lambda x, w: tf.tensordot(x, w, 1), W, (None, 7, 256)),
    "Tensordot, open": (lambda x, w: tf.tensordot(x, w, 1), W, (None, None, 256)),
    "Tensordot of a middle axis": (
        lambda x, w: tf.tensordot(x, w, [[1], [0]]),
        W,
        (None, 256, 7),
    ),
    "Tensordot of the second axis of weights": (
        lambda x, w: tf.tensordot(x, w, [[2], [1]]),
        W,
        (None, 7, 256),
    ),
    "Tensordot of two axes": (lambda x, w: tf.tensordot(x, w, 2), MERGE, (None, 7, 4, 64)),
    "Reshape, MatMul, Reshape": (_reshaped, W, (None, 7, 256)),
    "Reshape, MatMul, Reshape by the shape": (_reshaped_by_its_shape, W, (None, None, 256)),
    "Transpose, Reshape, MatMul": (_reshaped_and_transposed, W, (None, 256, 7)),
    "heads by a reshape": (
        lambda x, w: tf.transpose(tf.reshape(x @ w, [-1, 7, 4, 64]), [0, 2, 1, 3]),
        W,
        (None, 7, 256),
    ),
}

EQUATIONS = {
    "ab,bc->ac": (W, (None, 256)),
    "ba,bc->ac": (W, (256, 5)),
    "ab,bc->ca": (W, (None, 256)),
    "ab, bc -> ac": (W, (None, 256)),
    "ab,bc": (W, (None, 256)),
    "xyz,zq->xyq": (W, (None, 7, 256)),
    "BTI,IO->BTO": (W, (None, None, 256)),
    "bti,oi->bto": (W, (None, None, 256)),
    "io,bti->bto": (W, (None, None, 256)),
    "pq,zp->zq": (W, (None, 256)),
    "...x,xy->...y": (W, (None, None, 256)),
    "a...x,xy->a...y": (W, (None, 3, 5, 256)),
    "...i,...io->...o": (W, (None, 256)),
    "bi,...io->...bo": (W, (None, 256)),
    "bti,...io->...bto": (W, (None, None, 256)),
    "bit,io->bot": (W, (None, 256, 7)),
    "bti,io->bot": (W, (None, 7, 256)),
    "bti,ihd->bthd": (HEADS, (None, None, 256)),
    "bti,ihd->bhtd": (HEADS, (None, 7, 256)),
    "...i,ihd->...hd": (HEADS, (None, None, 256)),
    "bthd,hdo->bto": (MERGE, (None, None, 4, 64)),
    "bhtd,hdo->bto": (MERGE, (None, 4, 7, 64)),
    "bxyi,io->bxyo": (W, (None, 3, 4, 256)),
}


def _check(tmp_path, product, weights, shape):
    variable = tf.Variable(weights, name="layer/kernel")
    bias = normal((8,), 1)
    source = function(
        tmp_path,
        lambda x: {"y": tf.nn.tanh(product(x, variable)) * bias[0]},
        {"x": spec(*shape)},
        [variable],
    )
    served = serve_all(tmp_path, source.folder)
    assert served.converted == ["layer"] and not served.stayed
    assert served.report["layer"].shape == (256, 256)
    for size in (1, 3):
        x = normal([size if axis is None else axis for axis in shape], size)
        assert_close(served(x=x), source(x=x))


@pytest.mark.parametrize("case", MATRIX)
def test_products_by_a_matrix(tmp_path, case):
    _check(tmp_path, *MATRIX[case])


@pytest.mark.parametrize("equation", some_of(EQUATIONS, list(EQUATIONS)[1::2]))
def test_einsum_with_any_letters(tmp_path, equation):
    _check(tmp_path, einsum(equation), *EQUATIONS[equation])


WEIGHTS = {
    "a constant": lambda w: tf.constant(W),
    "stored in half": lambda w: tf.cast(tf.constant(W, tf.float16), tf.float32),
    "stored transposed": lambda w: tf.transpose(w, [1, 0]),
    "stored flat": lambda w: tf.reshape(w, [256, 256]),
    "masked, as pruning leaves it": lambda w: w * tf.constant((W != 0).astype(np.float32)),
    "scaled": lambda w: w * 0.5,
    "made of two parts": lambda w: tf.concat([w[:, :128], w[:, 128:]], axis=1),
    "behind stop_gradient": lambda w: tf.stop_gradient(tf.identity(w)),
    "normalized, as WeightNormalization leaves it": lambda w: tf.nn.l2_normalize(w, axis=0),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_that_are_computed_from_constants(tmp_path, case):
    variable = tf.Variable(W, name="layer/kernel")
    source = function(
        tmp_path,
        lambda x: {"y": x @ WEIGHTS[case](variable)},
        {"x": spec(None, 256)},
        [variable],
    )
    served = serve_all(tmp_path, source.folder)
    assert len(served.converted) == 1 and not served.stayed
    x = normal((3, 256))
    assert_close(served(x=x), source(x=x))


def test_products_of_one_variable_in_two_directions(tmp_path):
    """Tied embeddings: a table that is looked up, and multiplied transposed for the logits."""
    table = tf.Variable(W, name="tied/embeddings")

    def body(ids):
        return {"logits": tf.matmul(tf.gather(table, ids), table, transpose_b=True)}

    source = function(tmp_path, body, {"ids": spec(None, dtype=tf.int32)}, [table])
    served = serve_all(tmp_path, source.folder)
    assert served.converted == ["tied"] and not served.stayed
    ids = np.int32([0, 17, 255])
    assert_close(served(ids=ids), source(ids=ids))


def test_rows_that_are_missing(tmp_path):
    """No rows at all, which the source answers too."""
    variable = tf.Variable(HEADS, name="layer/kernel")
    source = function(
        tmp_path,
        lambda x: {"y": tf.einsum("bti,ihd->bhtd", x, variable)},
        {"x": spec(None, None, 256)},
        [variable],
    )
    served = serve_all(tmp_path, source.folder)
    assert served.converted == ["layer"]
    for shape in ((0, 7, 256), (2, 0, 256)):
        x = np.zeros(shape, np.float32)
        assert_close(served(x=x), source(x=x))
