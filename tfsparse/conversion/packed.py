"""Packed weights as variables of the new model, made once for all that read them.

Two layers that share their weights, two signatures over one backbone: what is the same matrix in
the same precision and blocks is one `PackedWeights`, stored once in the checkpoint.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.tables import Tables
from tfsparse.ops import BlockSparseMatrix


@dataclasses.dataclass(frozen=True, eq=False)
class PackedWeights:
    """The weights of an op.

    Attributes:
        data: Variable of the blocks, shape ``(blocks, A, B)``.
        indices: int32 variable of their block columns.
        indptr: int32 array of the first block of each block row, and their number.
        scale: float32 array of a scale per output; None but for int8.
        shape: ``(out, in)``.
    """

    data: Any
    indices: Any
    indptr: np.ndarray
    scale: np.ndarray | None
    shape: tuple[int, int]

    @property
    def scope(self) -> str:
        """The scope of the names of the variables."""
        return str(self.data.name).split(":")[0].removesuffix("/data")

    def matrix(self) -> BlockSparseMatrix:
        """The weights as the functions of `tfsparse.ops` take them."""
        return BlockSparseMatrix(self.data.numpy(), self.indices.numpy(), self.indptr, self.shape)

    def kernel(self) -> np.ndarray:
        """What the weights stand for, as a dense float32 array of shape ``(in, out)``."""
        dense = self.matrix().to_dense().T.astype(np.float32, order="C")
        return dense if self.scale is None else dense * self.scale


@dataclasses.dataclass(frozen=True, eq=False)
class DepthwiseWeights:
    """The weights of a depthwise convolution, which are constants beside its op.

    Attributes:
        values: int8 array of shape ``(channels, taps)``.
        scale: float32 array of a scale per channel.
    """

    values: np.ndarray
    scale: np.ndarray


class PackedStore:
    """All packed weights of a model.

    Attributes:
        tables: Its tables of embeddings in fewer bits.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], PackedWeights] = {}
        self._dense: dict[PackedWeights, Any] = {}
        self._settled: set[PackedWeights] = set()
        self.tables = Tables()

    def get(self, identity: str, precision: str, block: str) -> PackedWeights | None:
        """Weights that were packed before, or None."""
        return self._known.get((identity, precision, block))

    def add(
        self,
        key: tuple[str, str, str],
        matrix: BlockSparseMatrix,
        scale: np.ndarray | None,
        name: str,
    ) -> PackedWeights:
        """Makes variables of packed weights.

        Args:
            key: ``(identity, precision, block)``.
            matrix: The packed weights.
            scale: float32 scale per output, or None.
            name: The layer's name, for the names of the variables.
        """
        with tf.device("cpu:0"):
            packed = PackedWeights(
                data=tf.Variable(matrix.data, trainable=False, name=f"{name}/data"),
                indices=tf.Variable(matrix.indices, trainable=False, name=f"{name}/indices"),
                indptr=matrix.indptr,
                scale=scale,
                shape=matrix.shape,
            )
        self._known[key] = packed
        return packed

    def dense(self, packed: PackedWeights) -> Any:
        """A float32 variable of the shape ``(in, out)`` that holds what weights stand for."""
        if packed not in self._dense:
            name = f"{packed.scope}/kernel"
            with tf.device("cpu:0"):
                self._dense[packed] = tf.Variable(packed.kernel(), trainable=False, name=name)
        return self._dense[packed]

    def settle(self, packed: PackedWeights | None) -> None:
        """Forgets weights that were packed to be compared, but for those that were settled on.

        Args:
            packed: The weights that a layer will have; None where it stays.
        """
        if packed is not None:
            self._settled.add(packed)
        self._known = {key: each for key, each in self._known.items() if each in self._settled}

    def keep_only(self, read: set[int]) -> None:
        """Forgets weights that were packed for a plan that did not come to be.

        Args:
            read: ids of the handles of variables that are read.
        """
        self._known = {
            key: packed
            for key, packed in self._known.items()
            if not read.isdisjoint((id(packed.data.handle), id(packed.indices.handle)))
        }
        self.tables.keep_only(read)

    @property
    def variables(self) -> list[Any]:
        """All variables."""
        packed = [each for one in self._known.values() for each in (one.data, one.indices)]
        return [*packed, *self._dense.values(), *self.tables.variables]
