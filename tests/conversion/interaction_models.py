"""Spellings of dot interactions, as people write them, and what one that was found means.

A case is a function of a dense vector and ids that looks up in tables and takes the dot products of
all pairs. Most put them behind the dense vector.
"""

import functools

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from .helpers import normal, spec

WIDTH, ROWS = 4, (7, 5, 9)
FEATURES = 1 + len(ROWS)
TABLES = [
    tf.Variable(normal((rows, WIDTH), seed), name=f"table_{seed}/embeddings")
    for seed, rows in enumerate(ROWS)
]
BIG = tf.Variable(np.concatenate([each.numpy() for each in TABLES]), name="tables/embeddings")
OFFSETS = np.cumsum([0, *ROWS[:-1]])
LOWER = np.tril_indices(FEATURES, -1)
MASK = np.tril(np.ones((FEATURES, FEATURES)), -1)


def rows_of(ids):
    return [tf.gather(table, ids[:, place]) for place, table in enumerate(TABLES)]


def products_of(vectors):
    stacked = tf.stack(vectors, axis=1)
    return tf.matmul(stacked, stacked, transpose_b=True)


def by_gather(dense, ids):
    products = products_of([dense, *rows_of(ids)])
    flat = tf.reshape(products, [-1, FEATURES * FEATURES])
    pairs = tf.gather(flat, LOWER[0] * FEATURES + LOWER[1], axis=1)
    return tf.concat([dense, pairs], axis=1)


def by_band_and_boolean_mask(dense, ids, keeps_diagonal=False):
    vectors = [dense, *rows_of(ids)]
    batch, width = tf.shape(dense)[0], tf.shape(dense)[1]
    joined = tf.reshape(tf.concat(vectors, axis=-1), [batch, -1, width])
    products = tf.matmul(joined, joined, transpose_b=True)
    ones = tf.ones_like(products)
    band = tf.linalg.band_part(ones, -1, 0)
    kept = band if keeps_diagonal else ones - tf.linalg.band_part(ones, 0, -1)
    count = FEATURES * (FEATURES + (1 if keeps_diagonal else -1)) // 2
    return tf.reshape(tf.boolean_mask(products, kept), (batch, count))


def by_where(dense, ids):
    products = products_of([dense, *rows_of(ids)])
    above = tf.cast(tf.linalg.band_part(tf.ones_like(products), 0, -1), tf.bool)
    kept = tf.where(above, tf.zeros_like(products), products)
    return tf.concat([dense, tf.reshape(kept, [tf.shape(dense)[0], FEATURES**2])], 1)


def by_constant_mask(dense, ids):
    products = products_of([dense, *rows_of(ids)])
    return tf.concat([tf.boolean_mask(products, MASK.astype(bool), axis=1), dense], axis=1)


def by_gather_nd(dense, ids):
    products = tf.transpose(products_of([dense, *rows_of(ids)]), [1, 2, 0])
    return tf.transpose(tf.gather_nd(products, np.stack(LOWER, axis=1)))


def by_slices(dense, ids):
    products = products_of([dense, *rows_of(ids)])
    parts = [products[:, place, :place] for place in range(1, FEATURES)]
    return tf.pad(tf.concat([dense, *parts], axis=1), [[0, 0], [0, 2]])


def by_einsum_of_the_upper_triangle(dense, ids):
    vectors = tf.concat([each[:, None] for each in [*rows_of(ids), dense]], axis=1)
    products = tf.einsum("bid,bjd->bij", vectors, vectors)
    rows, columns = np.triu_indices(FEATURES)
    flat = tf.reshape(products, [-1, FEATURES * FEATURES])
    return tf.gather(flat, rows * FEATURES + columns, axis=-1)


def by_a_product_with_zeros(dense, ids):
    products = products_of([dense, *rows_of(ids)]) * MASK.astype(np.float32)
    return tf.reshape(products, [-1, FEATURES**2])


def of_one_table(dense, ids):
    rows = tf.gather(BIG, ids + OFFSETS.astype(np.int32))
    vectors = tf.concat([dense[:, None, :], rows], axis=1)
    products = tf.matmul(vectors, tf.transpose(vectors, [0, 2, 1]))
    flat = tf.reshape(products, [-1, FEATURES * FEATURES])
    return tf.concat([dense, tf.gather(flat, LOWER[0] * FEATURES + LOWER[1], axis=1)], axis=1)


def of_rows_that_are_kept_apart(dense, ids):
    columns = tf.split(ids, len(ROWS), axis=1)
    rows = [tf.gather(table, column) for table, column in zip(TABLES, columns, strict=True)]
    flat = tf.concat([tf.reshape(each, [-1, WIDTH]) for each in rows], axis=1)
    vectors = tf.reshape(tf.concat([flat, dense], axis=1), [-1, FEATURES, WIDTH])
    products = tf.matmul(vectors, vectors, transpose_b=True)
    return tf.concat([tf.reshape(products, [-1, FEATURES**2]), flat], axis=1)


def without_a_dense_vector(dense, ids):
    products = products_of(rows_of(tf.cast(ids, tf.int64)))
    return tf.reshape(products, [-1, len(ROWS) ** 2])


def of_bags(dense, ids):
    bags = [tf.reduce_sum(tf.gather(TABLES[0], ids), axis=1)]
    bags += [tf.reduce_mean(tf.gather(TABLES[2], ids), axis=1)]
    products = products_of([dense, *bags])
    return tf.concat([dense, tf.reshape(products, [-1, 9])], axis=1)


class Layers:
    """Lookups and an interaction as layers of one Keras."""

    def __init__(self, k, interact):
        self._tables = []
        for rows, table in zip(ROWS, TABLES, strict=True):
            layer = k.layers.Embedding(rows, WIDTH)
            layer.build((None,))
            layer.set_weights([table.numpy()])
            self._tables.append(layer)
        self._interact = interact
        self.variables = [
            getattr(weight, "value", weight) if k is keras else weight
            for layer in self._tables
            for weight in layer.weights
        ]

    def __call__(self, dense, ids):
        rows = [layer(ids[:, place]) for place, layer in enumerate(self._tables)]
        pairs = self._interact([dense, *rows])
        return tf.concat([dense, pairs], axis=1)


def flattened_dot(vectors):
    stacked = tf_keras.layers.Concatenate(axis=1)(
        [tf_keras.layers.Reshape((1, WIDTH))(each) for each in vectors]
    )
    return tf_keras.layers.Flatten()(tf_keras.layers.Dot(axes=2)([stacked, stacked]))


def pairs_in_keras(vectors):
    stacked = keras.ops.stack(vectors, axis=1)
    products = keras.ops.matmul(stacked, keras.ops.transpose(stacked, (0, 2, 1)))
    flat = keras.ops.reshape(products, (-1, FEATURES**2))
    return keras.ops.take(flat, LOWER[0] * FEATURES + LOWER[1], axis=1)


CASES = {
    "gather": by_gather,
    "band and boolean mask": by_band_and_boolean_mask,
    "band and boolean mask with the diagonal": functools.partial(
        by_band_and_boolean_mask, keeps_diagonal=True
    ),
    "where": by_where,
    "constant mask": by_constant_mask,
    "gather_nd": by_gather_nd,
    "slices and zeros": by_slices,
    "einsum, upper triangle": by_einsum_of_the_upper_triangle,
    "product with zeros": by_a_product_with_zeros,
    "one table with offsets": of_one_table,
    "ids split, rows concatenated": of_rows_that_are_kept_apart,
    "no dense vector, int64": without_a_dense_vector,
    "bags": of_bags,
    "layers of Keras 3": Layers(keras, pairs_in_keras),
    "layers of tf_keras": Layers(tf_keras, flattened_dot),
}


def variables_of(case):
    return [*TABLES, BIG, *getattr(CASES[case], "variables", [])]


def specs(batch):
    return {
        "dense": spec(batch, WIDTH),
        "ids": spec(batch, len(ROWS), dtype=tf.int32),
    }


def inputs(batch, seed=0):
    rng = np.random.default_rng(seed)
    ids = [rng.integers(0, min(ROWS), batch) for _ in ROWS]
    return {"dense": normal((batch, WIDTH), seed), "ids": np.stack(ids, 1).astype(np.int32)}


def table_of(view, lookup):
    if view.dtype(lookup.table) != tf.resource:
        return view.constant(lookup.table)
    return view.state.constant_variable(view.graph, lookup.table).numpy()


def meaning(view, found, given):
    """What an interaction says that it computes, in float64."""
    vectors = {0: given[found.dense.split(":")[0]]} if found.dense else {}
    for place, lookup in enumerate(found.lookups, 1):
        table, ids = table_of(view, lookup), given[lookup.ids.tensor.split(":")[0]]
        ids = ids.reshape(len(ids), -1)
        size = ids.shape[1] if lookup.ids.size == -1 else lookup.ids.size
        columns = ids[:, lookup.ids.start : lookup.ids.start + size] + lookup.ids.offset
        assert columns.shape[1] == size
        vectors[place] = getattr(np, lookup.combiner)(table[columns].astype(np.float64), axis=1)
    columns = []
    for one, other in found.entries:
        if one == -1:
            columns.append(np.zeros((len(ids), 1)))
        elif other == -1:
            columns.append(vectors[one])
        else:
            columns.append((vectors[one] * vectors[other]).sum(1, keepdims=True))
    return np.concatenate(columns, axis=1)
