"""Lookups, dots of features and their concatenation, as a Python function over the op."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfsparse.ops.library import load


@dataclasses.dataclass(frozen=True)
class Lookup:
    """One lookup of each item: a row of a table, or the sum of a bag of rows.

    Attributes:
        table: The number of its table.
        ids: The number of its tensor of ids.
        start: The first column of the ids that it reads, the axes behind the first being one.
        size: How many columns, or -1 for all from there on.
        splits: The number of the row splits that say which ids are an item's, or None; then
            `start` and `size` say it.
        id_offset: Added to each id.
        wraps_negative: Whether negative ids count from the table's end. Otherwise they fail.
        combiner: How a bag is summed up: ``"sum"``, ``"mean"``, or ``"sqrtn"``, the sum over the
            root of the number of ids. A bag of nothing gives zeros.
    """

    table: int
    ids: int
    start: int = 0
    size: int = 1
    splits: int | None = None
    id_offset: int = 0
    wraps_negative: bool = False
    combiner: Literal["sum", "mean", "sqrtn"] = "sum"


def lookup_interaction(
    dense: tf.Tensor | npt.ArrayLike | None,
    tables: Sequence[tf.Tensor | tf.Variable | npt.ArrayLike],
    ids: Sequence[tf.Tensor | npt.ArrayLike],
    lookups: Sequence[Lookup],
    columns: Sequence[tuple[int, int]],
    *,
    table_scales: Sequence[tf.Tensor | npt.ArrayLike] = (),
    row_splits: Sequence[tf.Tensor | npt.ArrayLike] = (),
    dense_scale: float = 1.0,
    dense_zero_point: int = 0,
    uint8_y: bool = False,
    y_scale: float = 1.0,
    y_zero_point: int = 0,
) -> tf.Tensor:
    """Looks up embeddings; concatenates them, their dot products and those with a dense vector.

    All that lies between the MLPs of DLRM (Naumov et al., arXiv:1906.00091), in one pass. Feature 0
    is the dense vector, feature ``1 + l`` is lookup l.

    Args:
        dense: float32 or uint8 of shape ``(B, D)``, or None.
        tables: float32, bfloat16 or int8, all of one type, of shape ``(rows, D)`` each. int8 means
            ``scale * q``.
        ids: int32 or int64 of shape ``(B, ...)``; where `row_splits` are used, the ids of all bags,
            one behind the other.
        lookups: What is looked up.
        columns: What y has, in order: ``(i, j)`` is the dot product of features i and j,
            ``(i, -1)`` is feature i as it is, ``(-1, -1)`` is a zero.
        table_scales: For int8, of each table a float32 of shape ``(rows,)`` or ``()``.
        row_splits: int32 or int64 of shape ``(B + 1,)``, as a `tf.RaggedTensor` has them.
        dense_scale: A uint8 dense vector means ``dense_scale * (q - dense_zero_point)``.
        dense_zero_point: In [0, 255].
        uint8_y: Whether y is wanted as uint8, ``round(y / y_scale) + y_zero_point`` in [0, 255],
            half to even.
        y_scale: Finite and positive.
        y_zero_point: In [0, 255].

    Returns:
        float32 or uint8 of shape ``(B, columns)``.

        Dots of float32 are summed in float32. With bfloat16 tables, the dense vector and the sums
        of bags are rounded to bfloat16 for dots. With int8 tables dots are exact in integers, of
        rows as they lie, of a uint8 dense vector, and of float vectors quantized by their
        ``max|x| / 127`` (a float dense vector, bags of other than one id).

    Raises:
        tf.errors.InvalidArgumentError: If an id is outside of its table, or numbers or shapes are
            not as above.

    Example:

    >>> y = lookup_interaction(
    ...     np.float32([[1, 2]]), [np.float32([[3, 4], [5, 6]])], [[1]], [Lookup(0, 0)],
    ...     [(0, -1), (1, 0)])
    >>> y.numpy().tolist()
    [[1.0, 2.0, 17.0]]
    """
    return load().tfsparse_lookup_interaction(
        dense=tf.convert_to_tensor(np.zeros(0, np.float32) if dense is None else dense),
        dense_scale=dense_scale,
        dense_zero_point=dense_zero_point,
        tables=[tf.convert_to_tensor(table) for table in tables],
        table_scales=[tf.convert_to_tensor(scale, tf.float32) for scale in table_scales],
        ids=[tf.convert_to_tensor(each) for each in ids],
        row_splits=[tf.convert_to_tensor(each) for each in row_splits],
        y_scale=y_scale,
        y_zero_point=y_zero_point,
        lookup_tables=[each.table for each in lookups],
        lookup_ids=[each.ids for each in lookups],
        lookup_starts=[each.start for each in lookups],
        lookup_sizes=[each.size for each in lookups],
        lookup_splits=[-1 if each.splits is None else each.splits for each in lookups],
        id_offsets=[each.id_offset for each in lookups],
        wraps_negative=[each.wraps_negative for each in lookups],
        combiners=[each.combiner for each in lookups],
        columns=[feature for pair in columns for feature in pair],
        Tout=tf.uint8 if uint8_y else tf.float32,
    )
