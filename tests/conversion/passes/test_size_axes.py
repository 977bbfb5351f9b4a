import numpy as np
import pytest
import tensorflow as tf

import tfsparse

from ..helpers import FLOAT_CHAIN, FLOAT_OP, blocky, nodes, normal, save, spec

KERNEL = blocky(10, 24, (2, 1), keep=0.5).T.reshape(4, 6, 10)
NEXT = blocky(8, 10, (2, 1), keep=0.5).T.copy()


def converted(path, equation, shape):
    kernel = tf.Variable(KERNEL, name="heads/kernel")
    body = lambda x: {"y": tf.exp(tf.einsum(equation, x, kernel))}  # noqa: E731
    save(path, body, {"x": spec(*shape)}, [kernel])
    return tfsparse.convert(path, overrides={"heads": "2x1"})


@pytest.mark.parametrize(
    ("equation", "spec_shape", "shape", "sizes"),
    [
        ("bthd,hdo->bto", (None, None, 4, 6), (2, 3, 4, 6), [4, 6]),
        ("bhtd,hdo->bto", (None, 4, None, 6), (2, 4, 3, 6), [4, 6]),
        ("bthd,hdo->bto", (None, None, None, None), (2, 3, 4, 6), []),
    ],
)
def test_axes_of_known_sizes(tmp_path, equation, spec_shape, shape, sizes):
    model = converted(tmp_path, equation, spec_shape)
    (node,) = nodes(model.graph_def(), FLOAT_OP)
    assert list(node.attr["x_sizes"].list.i) == sizes
    x = normal(shape)
    expected = np.exp(np.einsum(equation, x, KERNEL))
    np.testing.assert_allclose(model(x)["y"], expected, rtol=1e-4)


def test_another_split_is_an_error_and_no_answer(tmp_path):
    """A placeholder of a session takes what it is fed; so does one in a server."""
    model = converted(tmp_path, "bthd,hdo->bto", (None, None, 4, 6))
    graph = model.graph_def()
    (node,) = nodes(graph, FLOAT_OP)
    inputs = [each for each in graph.node if each.name == node.input[0]]
    assert [each.op for each in inputs] == ["Placeholder"]
    attributes = {key: node.attr[key].i for key in ("units", "inputs", "x_axes")}
    data = tfsparse.ops.BlockSparseMatrix.from_dense(
        KERNEL.reshape(24, 10).T, tfsparse.BlockPattern(2, 1)
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"sizes \[4,6\].*\[1,1,6,4\]"):
        tfsparse.ops.library.load().tfsparse_block_sparse_mat_mul(
            x=normal((1, 1, 6, 4)),
            data=data.data,
            indices=data.indices,
            indptr=data.indptr,
            bias=np.zeros(0, np.float32),
            residual=np.zeros(0, np.float32),
            x_sizes=list(node.attr["x_sizes"].list.i),
            **attributes,
        )


def test_a_chain_has_the_sizes_of_its_first_layer(tmp_path):
    after = tf.Variable(NEXT, name="next/kernel")
    kernel = tf.Variable(KERNEL, name="heads/kernel")

    def body(x):
        return {"y": tf.nn.relu(tf.einsum("bthd,hdo->bto", x, kernel)) @ after}

    save(tmp_path, body, {"x": spec(None, 5, 4, 6)}, [kernel, after])
    model = tfsparse.convert(tmp_path, overrides={"heads": "2x1", "next": "2x1"})
    (node,) = nodes(model.graph_def(), FLOAT_CHAIN)
    assert list(node.attr["x_sizes"].list.i) == [4, 6]
    x = normal((2, 5, 4, 6))
    expected = np.maximum(np.einsum("bthd,hdo->bto", x, KERNEL), 0) @ NEXT
    np.testing.assert_allclose(model(x)["y"], expected, atol=1e-4)
