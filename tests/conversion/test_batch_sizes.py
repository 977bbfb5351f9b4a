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


def _sinh(example):
    """The nodes that give a and b."""
    for key in ("a", "b"):
        node = example.view.nodes[example.output(key).split(":")[0]]
        while node.op != "Sinh":
            node = example.view.nodes[node.input[0].split(":")[0]]
        yield node
