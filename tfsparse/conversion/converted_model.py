"""A converted model: callable, and ready to be saved as a SavedModel."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfsparse.conversion.exported import export_info
from tfsparse.conversion.graph import Graph
from tfsparse.conversion.importing import written
from tfsparse.conversion.report import ConversionReport
from tfsparse.conversion.saving import check_target, copy_extra_assets, write_atomically
from tfsparse.ops.export_info import write_export_info

DEFAULT_SIGNATURE = "serving_default"


class ConvertedModel:
    """A model whose dense layers were converted; made by `tfsparse.convert`.

    Attributes:
        report: What was converted, what was not, and why: a `ConversionReport`.
        signatures: Signature key to `tf.ConcreteFunction`, as after
            `tf.saved_model.load`.
        endpoints: Name to callable, for the callable attributes that the source had.

    Example:

    >>> import keras, numpy as np, tfsparse
    >>> layers = [keras.layers.Input((8,), name="x"), keras.layers.Dense(4)]
    >>> converted = tfsparse.convert(keras.Sequential(layers))
    >>> sorted(converted.signatures), sorted(converted.endpoints)
    (['serve', 'serving_default'], ['serve'])
    >>> converted(x=np.ones((2, 8)))["output_0"].shape
    TensorShape([2, 4])
    """

    def __init__(
        self,
        signatures: Mapping[str, Any],
        endpoints: Mapping[str, Any],
        graphs: Mapping[str, Graph],
        state: tf.Module,
        report: ConversionReport,
        source_folder: str | None = None,
        target: str | None = None,
    ) -> None:
        self.report = report
        self.signatures = dict(signatures)
        self.endpoints = dict(endpoints)
        self._graphs = dict(graphs)
        self._state = state
        self._source_folder = source_folder
        self._target = target

    def graph_def(self, signature: str | None = None) -> tf.compat.v1.GraphDef:
        """The graph of a signature, with the functions that it calls.

        Args:
            signature: Its key; by default ``"serving_default"``, or the only one.

        Returns:
            A `tf.compat.v1.GraphDef`.

        Raises:
            ValueError: If there is no such signature.
        """
        nodes, functions = written(self._graphs[self._key(signature)])
        graph_def = tf.compat.v1.GraphDef()
        graph_def.node.extend(nodes)
        graph_def.library.function.extend(functions)
        return graph_def

    def __call__(self, *args: Any, **inputs: Any) -> dict[str, tf.Tensor]:
        """Runs the default signature.

        Args:
            *args: The input, if the signature has just one: a tensor or array, cast to the type of
                the signature.
            **inputs: Inputs by name, likewise.

        Returns:
            Dict of output name to tensor.

        Raises:
            TypeError: If the inputs are not those of the signature.
            ValueError: If there are several signatures and none is ``"serving_default"``.
        """
        function = self.signatures[self._key(None)]
        specs = function.structured_input_signature[1]
        if len(args) == 1 and len(specs) == 1 and not inputs:
            inputs = {next(iter(specs)): args[0]}
        elif args or set(inputs) != set(specs):
            raise TypeError(
                f"The inputs should be {sorted(specs)}, by name. "
                f"Received: {len(args)} without a name and {sorted(inputs)}"
            )
        tensors = {name: tf.cast(value, specs[name].dtype) for name, value in inputs.items()}
        result: dict[str, tf.Tensor] = function(**tensors)
        return result

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Writes the model as a SavedModel, whole or not at all.

        Args:
            path: Folder to write, such as ``"served/1"``.
            overwrite: Whether a SavedModel that is there may be replaced.

        Raises:
            FileExistsError: If `path` exists and may not be replaced.
        """
        check_target(path, overwrite)
        info = export_info(self._graphs.values(), self.report, self._target)

        def write(folder: str) -> None:
            # Gradients are for training.
            options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
            tf.saved_model.save(self._state, folder, self.signatures, options)
            copy_extra_assets(self._source_folder, folder)
            write_export_info(folder, info)

        write_atomically(path, write, overwrite)

    def _key(self, signature: str | None) -> str:
        if signature is None and len(self._graphs) == 1:
            return next(iter(self._graphs))
        key = DEFAULT_SIGNATURE if signature is None else signature
        if key not in self._graphs:
            none = f", and there is no {DEFAULT_SIGNATURE!r}" if signature is None else ""
            raise ValueError(
                f"`signature` should be one of {sorted(self._graphs)}. "
                f"Received: signature={signature!r}{none}"
            )
        return key
