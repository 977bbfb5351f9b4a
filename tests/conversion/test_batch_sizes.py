import pytest
import tensorflow as tf

from tfsparse.conversion.batch_sizes import same_lead

from .helpers import read, spec

INPUTS = {"x": spec(None, 3), "other": spec(None, 3)}

CASES = {
    "the same tensor": (lambda x, other: (x, x), True),
    "element by element": (lambda x, other: (tf.exp(x), tf.nn.softmax(x)), True),
    "one of the other": (lambda x, other: (tf.exp(x), x), True),
    "another input": (lambda x, other: (x, other), False),
    "of another input": (lambda x, other: (tf.exp(x), tf.exp(other)), False),
    "of the same inputs": (lambda x, other: (x + other, tf.exp(x * other)), True),
    "the first row": (lambda x, other: (x, tf.exp(x[:1])), False),
    "by the first row": (lambda x, other: (x[:1], tf.exp(x)), False),
    "all rows but one": (lambda x, other: (tf.exp(x), tf.exp(x[1:])), False),
    "another rank": (lambda x, other: (x, tf.exp(x)[None]), False),
    "some rows": (lambda x, other: (x, tf.boolean_mask(x, x[:, 0] > 0)), False),
    "by some rows": (lambda x, other: (tf.boolean_mask(x, x[:, 0] > 0), x), False),
    "the same rows": (lambda x, other: _twice(tf.boolean_mask(x, x[:, 0] > 0)), True),
    "some rows twice": (
        lambda x, other: (tf.boolean_mask(x, x[:, 0] > 0), tf.boolean_mask(x, x[:, 0] > 1)),
        False,
    ),
    "one of some rows": (lambda x, other: (tf.boolean_mask(x, x[:, 0] > 0)[:1], x), False),
    "the first of some rows": (
        lambda x, other: (lambda rows: (rows, rows[:1]))(tf.boolean_mask(x, x[:, 0] > 0)),
        False,
    ),
    "as many rows as a number says": (lambda x, other: (x, x[: _count(x)]), False),
    "rows by number": (lambda x, other: (x, tf.gather(x, tf.range(_count(x)))), False),
    "rows repeated": (lambda x, other: (x, tf.repeat(x, tf.cast(x[:, 0], tf.int32), 0)), False),
    "parts of rows": (
        lambda x, other: (x, tf.dynamic_partition(x, tf.cast(x[:, 0] > 0, tf.int32), 2)[0]),
        False,
    ),
    "different rows": (
        lambda x, other: (x, tf.gather(x, tf.unique(tf.cast(x[:, 0], tf.int32))[0])),
        False,
    ),
    "rows of an unknown rank": (lambda x, other: (x, _of_unknown_rank(x)), False),
}


def _twice(x):
    return tf.exp(x), tf.tanh(x)


def _count(x):
    return tf.cast(tf.reduce_sum(x), tf.int32)


def _of_unknown_rank(x):
    return tf.ensure_shape(tf.io.parse_tensor(tf.io.serialize_tensor(x), tf.float32), (None, 3))


def _added(first, second):
    """A sum of two, and one of them: what follows from sizes that do not fit is not theirs."""
    return first + second, second


CASES |= {
    "a sum of some rows": (
        lambda x, other: _added(x, tf.boolean_mask(x, x[:, 0] > 0)),
        False,
    ),
    "a sum of the first row": (lambda x, other: (x, x + tf.exp(x)[:1]), True),
    "columns repeated": (lambda x, other: (x, tf.exp(tf.repeat(x, [1, 1, 1], 1))), True),
    "a batch in halves": (
        lambda x, other: (x, tf.reshape(tf.exp(tf.reshape(x, (-1, 4, 3))), (-1, 3))),
        True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_tells_whether_rows_are_the_same(tmp_path, case):
    function, expected = CASES[case]

    def both(x, other):
        one, two = function(x, other)
        return {"a": tf.math.sinh(one), "b": tf.math.sinh(two)}

    example = read(tmp_path, both, INPUTS)
    view = example.view
    one, two = (view.data_inputs(node)[0] for node in _sinh(example))
    assert same_lead(view, one, 1, two, 1) == expected


@pytest.mark.parametrize("same", [True, False])
def test_without_numbers_only_a_tensor_has_its_own_sizes(tmp_path, monkeypatch, same):
    function = lambda x: {"y": tf.exp(x) if same else tf.exp(x[:1])}  # noqa: E731
    view = read(tmp_path, function, {"x": spec(None, 3)}).view
    monkeypatch.setattr(view, "tried_shape", lambda tensor: None)
    (node,) = (node for node in view.nodes.values() if node.op == "Exp")
    assert same_lead(view, view.data_inputs(node)[0], 1, "x:0", 1) == same


def _sinh(example):
    """The nodes that give a and b."""
    for key in ("a", "b"):
        node = example.view.nodes[example.output(key).split(":")[0]]
        while node.op != "Sinh":
            node = example.view.nodes[node.input[0].split(":")[0]]
        yield node
