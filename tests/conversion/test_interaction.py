"""Every spelling of a dot interaction is found, and nothing that only looks like one."""

import numpy as np
import pytest
import tensorflow as tf

from tests.long_cases import some_of
from tfsparse.conversion.constants import Constants
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.interaction import find_interactions
from tfsparse.conversion.passes.clean import clean
from tfsparse.conversion.reading import read_concrete
from tfsparse.conversion.state import State

from .helpers import spec
from .interaction_models import (
    CASES,
    FEATURES,
    ROWS,
    TABLES,
    WIDTH,
    inputs,
    meaning,
    products_of,
    rows_of,
    specs,
    variables_of,
)


class Traced:
    """A function as conversion reads it, without the SavedModel."""

    def __init__(self, function, given, variables):
        named = {key: tf.TensorSpec(s.shape, s.dtype, name=key) for key, s in given.items()}
        # Called by another one, it captures variables by names that are like those of no op.
        inner = tf.function(function, autograph=False)
        outer = tf.function(lambda **tensors: inner(**tensors), autograph=False)
        self.run = outer.get_concrete_function(**named)
        graph = read_concrete(self.run)
        state = State([*self.run.graph.variables, *variables], [graph])
        clean(graph, state)
        self.view = Views(state).of(graph)

    def __call__(self, **inputs):
        return self.run(**{key: tf.constant(value) for key, value in inputs.items()}).numpy()

    @property
    def result(self):
        return self.view.through_identities(self.view.graph.outputs[0])


def found_in(function, given, variables=()):
    traced = Traced(function, given, variables)
    return traced, *find_interactions(traced.view)


@pytest.mark.parametrize("batch", some_of([None, 3], [None]), ids=["open", "fixed"])
@pytest.mark.parametrize("case", CASES)
def test_finds_every_spelling(case, batch):
    example, found, unmatched = found_in(CASES[case], specs(batch), variables_of(case))
    assert not unmatched
    (each,) = found
    assert example.result == f"{each.result}:0"
    x = inputs(3)
    np.testing.assert_allclose(meaning(example.view, each, x), example(**x), rtol=1e-5, atol=1e-5)
    # Lookups read the ids that the model is given.
    assert {lookup.ids.tensor for lookup in each.lookups} == {"ids:0"}


def test_finds_the_layer_of_keras_rs():
    keras_rs = pytest.importorskip("keras_rs")
    for settings in ({}, {"self_interaction": True}, {"skip_gather": True}):
        layer = keras_rs.layers.DotInteraction(**settings)

        def function(dense, ids, layer=layer):
            return layer([dense, *rows_of(ids)])

        example, (found,), _ = found_in(function, specs(None), TABLES)
        x = inputs(4)
        np.testing.assert_allclose(
            meaning(example.view, found, x), example(**x), rtol=1e-5, atol=1e-5
        )


def test_tables_are_not_read(monkeypatch):
    # A DLRM's are gigabytes. The shape of what is looked up leads to them.
    read = []
    value_of = Constants.value
    monkeypatch.setattr(Constants, "value", lambda *each: read.append(value_of(*each)) or read[-1])

    def function(dense, ids):
        tables = [table.read_value() for table in TABLES]
        rows = [tf.gather(table, ids[:, place]) for place, table in enumerate(tables)]
        stacked = tf.stack([dense, *rows], axis=1)
        products = tf.matmul(stacked, stacked, transpose_b=True)
        return tf.reshape(products, [tf.shape(stacked)[0], FEATURES * FEATURES])

    _, found, _ = found_in(function, specs(None), TABLES)
    assert len(found) == 1 and read
    assert {tuple(table.shape) for table in TABLES}.isdisjoint(value.shape for value in read)


def test_the_result_may_be_followed_by_what_is_no_part_of_it():
    def function(dense, ids, other):
        return tf.concat([CASES["gather"](dense, ids), tf.exp(other)], axis=1)

    given = specs(None) | {"other": spec(None, 2)}
    example, (found,), _ = found_in(function, given, TABLES)
    assert len(found.entries) == 1 + FEATURES * (FEATURES - 1) // 2
    assert example.view.nodes[found.result].op == "ConcatV2"


def through_a_split(dense, ids):
    one, other = tf.split(CASES["gather"](dense, ids), [4, 6], axis=1)
    return tf.exp(one), tf.exp(other)


def unstacked(dense, ids):
    rows = tf.unstack(tf.reshape(products_of([dense, *rows_of(ids)]), [-1, FEATURES**2]), axis=1)
    return tf.exp(rows[0]), tf.exp(rows[5])


@pytest.mark.parametrize("function", [through_a_split, unstacked])
def test_the_result_is_no_node_that_gives_several_tensors(function):
    example, found, unmatched = found_in(function, specs(None), TABLES)
    assert not unmatched
    (each,) = found
    assert example.view.nodes[each.result].op in ("ConcatV2", "Reshape")


def test_unstacked_products_stay_with_a_reason():
    def function(dense, ids):
        return tuple(tf.exp(each) for each in tf.unstack(products_of([dense, *rows_of(ids)]), 4, 1))

    _, found, (unmatched,) = found_in(function, specs(None), TABLES)
    assert not found
    assert unmatched.reason == "its dot products do not become a matrix of one row an item"


def test_finds_what_is_made_of_a_later_output_of_a_split():
    def function(dense, ids):
        lower = tf.split(products_of([dense, *rows_of(ids)]), 2, axis=1)[1]
        return tf.concat([dense, tf.reshape(lower, [-1, 2 * FEATURES])], axis=1)

    example, (found,), _ = found_in(function, specs(None), TABLES)
    assert example.result == f"{found.result}:0"
    x = inputs(3)
    np.testing.assert_allclose(meaning(example.view, found, x), example(**x), rtol=1e-5, atol=1e-5)


def test_what_reads_another_output_of_a_split_is_not_overlooked():
    def function(dense, ids):
        upper, lower = tf.split(products_of([dense, *rows_of(ids)]), 2, axis=1)
        return tf.reshape(lower, [-1, 2 * FEATURES]), tf.exp(upper)

    _, found, (unmatched,) = found_in(function, specs(None), TABLES)
    assert not found
    assert unmatched.reason == "something else reads its dot products"


def scaled(dense, ids):
    return tf.reshape(0.5 * products_of([dense, *rows_of(ids)]), [-1, FEATURES**2])


def of_sums(dense, ids):
    rows = rows_of(ids)
    return tf.reshape(products_of([dense, rows[0] + rows[1], rows[2]]), [-1, 9])


def of_two_dense_vectors(dense, ids):
    return tf.reshape(products_of([dense, tf.exp(dense), *rows_of(ids)]), [-1, 25])


def across_items(dense, ids):
    products = products_of([dense, *rows_of(ids)])
    return tf.reshape(tf.reverse(products, [0]), [-1, FEATURES**2])


def of_other_products(dense, ids):
    stacked = tf.stack(rows_of(ids), axis=1)
    products = tf.matmul(stacked, tf.reverse(stacked, [1]), transpose_b=True)
    return tf.reshape(products, [-1, len(ROWS) ** 2])


def of_vectors_in_another_order(dense, ids):
    stacked = tf.stack(rows_of(ids), axis=1)
    products = tf.matmul(stacked, stacked[:, ::-1], transpose_b=True)
    return tf.reshape(products, [-1, len(ROWS) ** 2])


def rolled_over_the_batch(dense, ids):
    rows = [tf.roll(each, 1, axis=0) for each in rows_of(ids)]
    return tf.reshape(products_of(rows), [-1, len(ROWS) ** 2])


@pytest.mark.parametrize(
    "function",
    [scaled, of_sums, of_two_dense_vectors, across_items, of_other_products, rolled_over_the_batch],
)
def test_leaves_what_only_looks_like_it(function):
    example, found, _ = found_in(function, specs(None), TABLES)
    for each in found:  # A part of it may be one.
        assert f"{each.result}:0" != example.result
    x = inputs(3)
    for each in found:
        meaning(example.view, each, x)


def test_says_why_products_stay_that_something_else_reads():
    def function(dense, ids):
        products = products_of([dense, *rows_of(ids)])
        return tf.reshape(products, [-1, FEATURES**2]), products

    _, found, (unmatched,) = found_in(function, specs(None), TABLES)
    assert not found
    assert unmatched.reason == "its dot products are a result of the model"


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (of_two_dense_vectors, "several of its vectors are not whole rows of tables"),
        (
            of_vectors_in_another_order,
            "it multiplies vectors by others, or by the same in another order",
        ),
        (scaled, "something else happens to its dot products"),
    ],
)
def test_says_why_what_looks_like_it_stays(function, reason):
    _, found, (unmatched,) = found_in(function, specs(None), TABLES)
    assert not found
    assert unmatched.reason == reason


def test_says_nothing_of_products_without_lookups():
    def function(dense, ids):
        return tf.reshape(products_of([dense, tf.exp(dense)]), [-1, 4]) + tf.cast(
            ids[:, :1], "float32"
        )

    _, found, unmatched = found_in(function, specs(None))
    assert not found and not unmatched


def test_a_table_that_changes_is_not_looked_up_in():
    table = tf.Variable(np.ones((5, WIDTH), np.float32))

    def function(dense, ids):
        rows = [tf.gather(table, ids[:, place]) for place in range(3)]
        pairs = tf.reshape(products_of([dense, *rows]), [-1, FEATURES**2])
        with tf.control_dependencies([pairs]):
            table.assign_add(tf.ones_like(table))
        return pairs

    _, found, _ = found_in(function, specs(None), [table])
    assert not found
