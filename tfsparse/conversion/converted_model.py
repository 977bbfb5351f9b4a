"""A converted model: callable, and ready to be saved as a SavedModel."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfsparse.conversion.frozen_graph import FrozenGraph
from tfsparse.conversion.graph_function import graph_function
from tfsparse.conversion.report import ConversionReport
from tfsparse.conversion.saving import check_target, copy_extra_assets, write_atomically

DEFAULT_SIGNATURE = "serving_default"

SIZE_LIMIT = 2**31 - 2**20
"""Bytes that the graphs of a SavedModel may take together, with room for the rest."""


class ConvertedModel:
    """A model whose dense layers were converted; made by `tfsparse.convert`.

    Attributes:
        report: What was converted, what was not, and why: a `ConversionReport`.
        signatures: Signature key to `tf.ConcreteFunction`, as after
            `tf.saved_model.load`.

    Example:

    >>> import keras, numpy as np, tfsparse
    >>> layers = [keras.layers.Input((8,), name="x"), keras.layers.Dense(4)]
    >>> converted = tfsparse.convert(keras.Sequential(layers))
    >>> sorted(converted.signatures)
    ['serve', 'serving_default']
    >>> converted(x=np.ones((2, 8)))["output_0"].shape
    TensorShape([2, 4])
    """

    def __init__(
        self,
        graphs: Mapping[str, FrozenGraph],
        report: ConversionReport,
        source_folder: Path | None = None,
    ) -> None:
        self.report = report
        self._graphs = dict(graphs)
        self._source_folder = source_folder
        functions = {id(graph): graph_function(graph) for graph in self._graphs.values()}
        self.signatures: dict[str, Any] = {
            key: functions[id(graph)] for key, graph in self._graphs.items()
        }

    def graph_def(self, signature: str | None = None) -> tf.compat.v1.GraphDef:
        """The flat graph of a signature, of the default one if none is named."""
        return self._graphs[self._key(signature)].graph_def

    def __call__(self, *args: Any, **inputs: Any) -> dict[str, tf.Tensor]:
        """Runs the default signature.

        Args:
            *args: The input, if the signature has just one.
            **inputs: Inputs by name.

        Returns:
            Dict of output name to tensor.

        Raises:
            TypeError: If the inputs are not those of the signature.
        """
        key = self._key(None)
        specs = self._graphs[key].inputs
        if len(args) == 1 and len(specs) == 1 and not inputs:
            inputs = {next(iter(specs)): args[0]}
        elif args or set(inputs) != set(specs):
            raise TypeError(
                f"The inputs should be {sorted(specs)}, by name. "
                f"Received: {len(args)} without a name and {sorted(inputs)}"
            )
        tensors = {name: tf.cast(value, specs[name].dtype) for name, value in inputs.items()}
        result: dict[str, tf.Tensor] = self.signatures[key](**tensors)
        return result

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Writes the model as a SavedModel, whole or not at all.

        Args:
            path: Folder to write, such as ``"served/1"``.
            overwrite: Whether a SavedModel that is there may be replaced.

        Raises:
            FileExistsError: If `path` exists and may not be replaced.
            ValueError: If the graphs are too large for one SavedModel.
        """
        check_target(path, overwrite)
        self._check_size()
        module = tf.Module()
        module.tables = [
            variable for graph in self._graphs.values() for variable in graph.variables.values()
        ]

        def write(folder: Path) -> None:
            # Models that Keras has quantized hold custom gradients, which serving needs not
            # and which cannot be saved from a frozen graph.
            options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
            tf.saved_model.save(module, str(folder), self.signatures, options)
            copy_extra_assets(self._source_folder, folder)

        write_atomically(path, write, overwrite)

    def _key(self, signature: str | None) -> str:
        if signature is None:
            only = len(self._graphs) == 1
            signature = next(iter(self._graphs)) if only else DEFAULT_SIGNATURE
        if signature not in self._graphs:
            raise ValueError(
                f"`signature` should be one of {sorted(self._graphs)}. "
                f"Received: signature={signature!r}"
            )
        return signature

    def _check_size(self) -> None:
        size = sum(
            {id(graph): graph.graph_def.ByteSize() for graph in self._graphs.values()}.values()
        )
        if size > SIZE_LIMIT:
            raise ValueError(
                f"The converted graphs should take at most {SIZE_LIMIT} bytes, because a "
                f"SavedModel's graph cannot exceed 2 GB. Received: {size} bytes in "
                f"{len(self._graphs)} signatures"
            )
