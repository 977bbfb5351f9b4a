"""Lookups and their interaction, beside TensorFlow's gathers and products."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.ops.helpers import BFLOAT16
from tfsparse import ops
from tfsparse.ops import Lookup

# More items than are computed together, and some more.
B, D, ROWS = 37, 20, (50, 7, 33)
RNG = np.random.default_rng(1)
DENSE = RNG.standard_normal((B, D)).astype(np.float32)
TABLES = [RNG.standard_normal((rows, D)).astype(np.float32) for rows in ROWS]
IDS = [RNG.integers(0, rows, B) for rows in ROWS]
LOOKUPS = [Lookup(i, i) for i in range(3)]
TRIANGLE = [(i, j) for i in range(4) for j in range(i)]
DLRM = [(0, -1), *TRIANGLE, (-1, -1)]


def dlrm(features, dense=None):
    """As people write it: stack, product, gather of a triangle, concatenation, padding."""
    stacked = tf.stack(features, 1)
    products = tf.matmul(stacked, stacked, transpose_b=True)
    pairs = tf.constant(TRIANGLE)
    dots = tf.gather(tf.reshape(products, (-1, 16)), pairs[:, 0] * 4 + pairs[:, 1], axis=1)
    first = features[0] if dense is None else dense
    return tf.pad(tf.concat([first, dots], 1), [[0, 0], [0, 1]]).numpy()


def gathered(tables=TABLES):
    return [tf.gather(table, ids) for table, ids in zip(tables, IDS, strict=True)]


def int8_tables(per_row):
    tables = [RNG.integers(-128, 128, table.shape).astype(np.int8) for table in TABLES]
    scales = [
        RNG.uniform(0.01, 0.02, len(table) if per_row else ()).astype(np.float32)
        for table in tables
    ]
    floats = [
        table.astype(np.float32) * (scale[:, None] if per_row else scale)
        for table, scale in zip(tables, scales, strict=True)
    ]
    return tables, scales, floats


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_dlrm(dtype):
    ids = [each.astype(dtype) for each in IDS]
    y = ops.lookup_interaction(DENSE, TABLES, ids, LOOKUPS, DLRM)
    np.testing.assert_allclose(y, dlrm([DENSE, *gathered()]), 1e-5, 1e-5)


def test_variables_and_a_function_with_open_sizes():
    variables = [tf.Variable(table) for table in TABLES]

    @tf.function(input_signature=[tf.TensorSpec([None, D])] + [tf.TensorSpec([None], tf.int64)] * 3)
    def call(dense, *ids):
        return ops.lookup_interaction(dense, variables, ids, LOOKUPS, DLRM)

    assert call.get_concrete_function().output_shapes == [None, D + 7]
    np.testing.assert_allclose(call(DENSE, *IDS), dlrm([DENSE, *gathered()]), 1e-5, 1e-5)
    variables[1].assign(2 * TABLES[1])
    doubled = dlrm([DENSE, *gathered([TABLES[0], 2 * TABLES[1], TABLES[2]])])
    np.testing.assert_allclose(call(DENSE, *IDS), doubled, 1e-5, 1e-5)


def test_one_table_with_offsets_and_ids_in_one_tensor():
    offsets = [0, 50, 57]
    lookups = [Lookup(0, 0, start=i, id_offset=offset) for i, offset in enumerate(offsets)]
    y = ops.lookup_interaction(DENSE, [np.concatenate(TABLES)], [np.stack(IDS, 1)], lookups, DLRM)
    np.testing.assert_array_equal(y, ops.lookup_interaction(DENSE, TABLES, IDS, LOOKUPS, DLRM))


def test_bfloat16():
    tables = [table.astype(BFLOAT16) for table in TABLES]
    floats = gathered([table.astype(np.float32) for table in tables])
    y = ops.lookup_interaction(DENSE, tables, IDS, LOOKUPS, DLRM)
    rounded = DENSE.astype(BFLOAT16).astype(np.float32)
    np.testing.assert_allclose(y, dlrm([rounded, *floats], DENSE), 1e-5, 1e-5)


@pytest.mark.parametrize("per_row", [False, True])
def test_int8(per_row):
    tables, scales, floats = int8_tables(per_row)
    q = RNG.integers(0, 256, (B, D)).astype(np.uint8)
    dense = (q.astype(np.float32) - 3) * np.float32(0.02)
    y = ops.lookup_interaction(
        *(q, tables, IDS, LOOKUPS, DLRM),
        table_scales=scales,
        dense_scale=0.02,
        dense_zero_point=3,
    )
    np.testing.assert_allclose(y, dlrm([dense, *gathered(floats)]), 1e-5, 1e-4)
    # A float dense vector is quantized for its dots, but copied as it is.
    y = ops.lookup_interaction(DENSE, tables, IDS, LOOKUPS, DLRM, table_scales=scales)
    exact = dlrm([DENSE, *gathered(floats)])
    np.testing.assert_array_equal(y[:, :D], DENSE)
    np.testing.assert_allclose(y, exact, atol=0.02 * np.abs(exact).max())


def test_uint8_results():
    y = ops.lookup_interaction(DENSE, TABLES, IDS, LOOKUPS, DLRM).numpy()
    q = ops.lookup_interaction(
        *(DENSE, TABLES, IDS, LOOKUPS, DLRM), uint8_y=True, y_scale=0.1, y_zero_point=100
    )
    expected = np.rint(y * np.float32(1 / np.float32(0.1))) + 100
    np.testing.assert_array_equal(q, np.clip(expected, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
@pytest.mark.parametrize("size", [3, -1])
def test_bags_of_one_length(combiner, size):
    ids = [RNG.integers(0, rows, (B, 5)) for rows in ROWS]
    lookups = [Lookup(i, i, start=2, size=size, combiner=combiner) for i in range(3)]
    divisor = {"sum": 1, "mean": 3, "sqrtn": np.sqrt(np.float32(3))}[combiner]
    bags = [
        tf.reduce_sum(tf.gather(table, each[:, 2:]), 1) / divisor
        for table, each in zip(TABLES, ids, strict=True)
    ]
    y = ops.lookup_interaction(DENSE, TABLES, ids, lookups, DLRM)
    np.testing.assert_allclose(y, dlrm([DENSE, *bags]), 1e-4, 1e-5)


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_ragged_bags(combiner, dtype):
    lengths = [0, 1, 4, 0, 2, 7, 1, 3, 0]
    ids = tf.RaggedTensor.from_row_lengths(RNG.integers(0, 50, sum(lengths)), lengths)
    expected = tf.nn.safe_embedding_lookup_sparse(
        tf.constant(TABLES[0]), ids.to_sparse(), combiner=combiner, allow_fast_lookup=True
    )
    y = ops.lookup_interaction(
        *(None, TABLES[:1], [ids.values], [Lookup(0, 0, splits=0, combiner=combiner)]),
        [(1, -1), (1, 1)],
        row_splits=[tf.cast(ids.row_splits, dtype)],
    )
    np.testing.assert_allclose(y[:, :D], expected, 1e-5, 1e-6)
    np.testing.assert_allclose(y[:, D], np.sum(np.square(expected), 1), 1e-5, 1e-5)


def test_features_of_different_widths_are_concatenated():
    narrow = RNG.standard_normal((7, 3)).astype(np.float32)
    y = ops.lookup_interaction(
        *(DENSE[:, :4], [TABLES[0], narrow], IDS[:2], LOOKUPS[:2]), [(2, -1), (0, -1), (1, -1)]
    )
    expected = [tf.gather(narrow, IDS[1]), DENSE[:, :4], tf.gather(TABLES[0], IDS[0])]
    np.testing.assert_array_equal(y, tf.concat(expected, 1))


def test_the_whole_square():
    columns = list(itertools.product(range(4), repeat=2))
    y = ops.lookup_interaction(DENSE, TABLES, IDS, LOOKUPS, columns)
    stacked = tf.stack([DENSE, *gathered()], 1)
    square = tf.matmul(stacked, stacked, transpose_b=True)
    np.testing.assert_allclose(y, tf.reshape(square, (B, 16)), 1e-5, 1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_values(bad):
    tables = [table.copy() for table in TABLES]
    tables[1][IDS[1][4], 5] = bad
    y = ops.lookup_interaction(DENSE, tables, IDS, LOOKUPS, DLRM)
    np.testing.assert_allclose(y, dlrm([DENSE, *gathered(tables)]), 1e-5, 1e-5)
    assert not np.all(np.isfinite(y))


def test_no_items():
    none = [np.zeros(0, np.int32)] * 3
    assert ops.lookup_interaction(DENSE[:0], TABLES, none, LOOKUPS, DLRM).shape == (0, D + 7)


def test_negative_ids():
    lookups = [Lookup(i, i, wraps_negative=True) for i in range(3)]
    negative = [ids - rows for ids, rows in zip(IDS, ROWS, strict=True)]
    y = ops.lookup_interaction(DENSE, TABLES, negative, lookups, DLRM)
    np.testing.assert_array_equal(y, ops.lookup_interaction(DENSE, TABLES, IDS, LOOKUPS, DLRM))


@pytest.mark.parametrize("bad", [-1, 7, 2**40, -(2**62)])
def test_ids_out_of_range(bad):
    ids = [each.copy() for each in IDS]
    ids[1][4] = bad
    with pytest.raises(tf.errors.InvalidArgumentError) as theirs:
        tf.gather(TABLES[1], ids[1])
    reason = f"indices[4] = {bad} is not in [0, 7)"
    assert reason in str(theirs.value)
    with pytest.raises(tf.errors.InvalidArgumentError) as ours:
        ops.lookup_interaction(DENSE, TABLES, ids, LOOKUPS, DLRM)
    assert reason in str(ours.value)
    assert "ids[1]" in str(ours.value)


GOOD = {
    "dense": DENSE,
    "dense_scale": 1.0,
    "dense_zero_point": 0,
    "tables": TABLES,
    "table_scales": [],
    "ids": IDS,
    "row_splits": [],
    "y_scale": 1.0,
    "y_zero_point": 0,
    "lookup_tables": [0, 1, 2],
    "lookup_ids": [0, 1, 2],
    "columns": [0, -1, 1, 0],
}


def splits(values, **more):
    return {"row_splits": [values], "lookup_splits": [0, -1, -1]} | more


@pytest.mark.parametrize(
    "changes",
    [
        {"dense": DENSE[0]},
        {"dense": DENSE[:4]},
        {"dense": DENSE[:, :4]},
        {"dense": np.zeros(0, np.float32)},
        {"dense_scale": 0.0},
        {"dense_scale": np.ones(1, np.float32)},
        {"dense_zero_point": 256},
        {"y_scale": np.nan},
        {"y_zero_point": -1},
        {"tables": TABLES[:2]},
        {"tables": [TABLES[0], TABLES[1][:, :3], TABLES[2]], "columns": [2, 0]},
        {"tables": [TABLES[0][0], *TABLES[1:]]},
        {"table_scales": [np.ones(rows, np.float32) for rows in ROWS]},
        {"tables": [tf.cast(t, tf.int8) for t in TABLES]},
        {
            "tables": [tf.cast(t, tf.int8) for t in TABLES],
            "table_scales": [np.ones(7, np.float32)] * 3,
        },
        {"ids": [IDS[0], IDS[1][:5], IDS[2]]},
        {"ids": [IDS[0], np.int32(3), IDS[2]]},
        {"ids": IDS[:2]},
        {"lookup_tables": [0, 1]},
        {"lookup_tables": [0, 1, 3]},
        {"lookup_tables": [0, -1, 2]},
        {"lookup_ids": [0, 1, 3]},
        {"lookup_starts": [0, 1, 0]},
        {"lookup_starts": [0, -1, 0]},
        {"lookup_starts": [0]},
        {"lookup_sizes": [1, 2, 1]},
        {"lookup_sizes": [1, -2, 1]},
        {"lookup_sizes": [2**62, 1, 1], "lookup_starts": [2**62, 0, 0]},
        {"lookup_splits": [0, -1, -1]},
        {"lookup_splits": [-2, -1, -1]},
        splits(np.arange(B)),
        splits(np.arange(B + 1) + 1),
        splits(np.arange(B + 1) * 2),
        splits(np.where(np.arange(B + 1) == 1, 5, np.arange(B + 1))),
        splits(np.where(np.arange(B + 1) == 1, -5, np.arange(B + 1))),
        splits(np.arange(B + 1)[None]),
        splits(np.zeros(0, np.int64), dense=np.zeros(0, np.float32), columns=[1, 1]),
        {"id_offsets": [0, 10**6, 0]},
        {"id_offsets": [0, 2**63 - 1, 0]},
        {"combiners": ["sum", "max", "sum"]},
        {"combiners": ["sum"]},
        {"wraps_negative": [True]},
        {"columns": [0]},
        {"columns": [0, 4]},
        {"columns": [-1, 0]},
        {"columns": [0, -2]},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_invalid_arguments(changes):
    op = ops.load().tfsparse_lookup_interaction
    assert op(**GOOD, Tout=tf.float32).shape == (B, D + 1)
    with pytest.raises((tf.errors.InvalidArgumentError, TypeError, ValueError)):
        op(**GOOD | changes, Tout=tf.float32)
