"""The two entry points, `convert` and `export`, and the steps between them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from tfsparse import ops
from tfsparse.conversion.cleaning import clean
from tfsparse.conversion.converted_model import ConvertedModel
from tfsparse.conversion.cost_model import Precision
from tfsparse.conversion.freezing import freeze
from tfsparse.conversion.frozen_graph import FrozenGraph
from tfsparse.conversion.graph_conversion import GraphConversion
from tfsparse.conversion.layer_name import common_scope
from tfsparse.conversion.planning import Override, check_overrides
from tfsparse.conversion.report import ConversionReport, OpReport
from tfsparse.conversion.saving import check_target
from tfsparse.conversion.source import load_source


def convert(
    source: Any,
    precision: Precision = "fp32",
    calibration_data: Any = None,
    *,
    overrides: Mapping[str, Override] | None = None,
    batch_size: int = 32,
) -> ConvertedModel:
    """Converts a model's dense layers to block-sparse ops, where that is faster.

    Every signature is frozen, and each product by a constant matrix, with its bias and
    ReLU, is replaced by one op over packed weights if the cost model predicts a gain.
    The block shape is chosen from the zeros that are in the weights; nothing is pruned
    here. In INT8, weights are quantized per output channel and activations per tensor,
    to the least and greatest value seen in the calibration data, and neighbouring
    layers hand each other u8. In bfloat16, weights and the activations that meet them are
    rounded to eight bits of precision, and sums are float32; nothing is calibrated, and what
    layers hand each other stays float32. Layers without zeros are converted too where the
    precision pays.

    Args:
        source: A Keras 3 model, a tf_keras model (pruned and still wrapped, or not), or
            the path of a SavedModel.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        calibration_data: For INT8 (the others read none): an array ``(examples, ...)``, a dict
            of input name to array, an iterable of batches, or a `tf.data.Dataset`. A few
            hundred examples are enough. With several signatures that take different inputs,
            a dict of signature to one of these.
        overrides: Layer name, as in the report, to ``"skip"``, ``"convert"`` (even where
            a loss is predicted) or a block shape such as ``"16x4"``.
        batch_size: Examples per call that the cost model expects where the model leaves
            the batch size open.

    Returns:
        A `ConvertedModel`: callable, with `report`, `signatures` and `save`.

    Raises:
        ValueError: If an argument is not as above, calibration data is missing or does
            not fit, or the model holds state that cannot be frozen.
        FileNotFoundError: If there is no SavedModel at the path.

    Example:

    >>> import keras, numpy as np, tfsparse
    >>> layers = [keras.layers.Input((256,)), keras.layers.Dense(512, "relu", name="hidden")]
    >>> model = keras.Sequential(layers)
    >>> x = np.random.default_rng(0).random((100, 256), np.float32)
    >>> converted = tfsparse.convert(model, precision="int8", calibration_data=x)
    >>> converted.report["hidden"].reason
    'predicted faster'
    >>> converted(x)["output_0"].shape
    TensorShape([100, 512])
    """
    _check_arguments(precision, calibration_data, batch_size)
    overrides = dict(overrides or {})
    ops.load()
    loaded = load_source(source)
    frozen = _without_common_scope(
        {key: clean(freeze(signature)) for key, signature in loaded.signatures.items()}
    )
    conversions = [
        GraphConversion(frozen[keys[0]], keys, precision, overrides, batch_size)
        for keys in _equal_signatures(frozen)
    ]
    check_overrides(overrides, [name for each in conversions for name in each.layer_names])
    if isinstance(calibration_data, Iterator) and len(conversions) > 1:
        calibration_data = list(calibration_data)
    graphs: dict[str, FrozenGraph] = {}
    rows: list[OpReport] = []
    for conversion in conversions:
        graph, report = conversion.run(calibration_data)
        graphs |= dict.fromkeys(conversion.signatures, graph)
        rows += report
    return ConvertedModel(graphs, ConversionReport(tuple(rows)), loaded.folder)


def export(
    model: Any,
    path: str | os.PathLike[str],
    precision: Precision = "fp32",
    calibration_data: Any = None,
    *,
    overrides: Mapping[str, Override] | None = None,
    batch_size: int = 32,
    overwrite: bool = False,
) -> ConversionReport:
    """Converts a model and writes it as a SavedModel: `convert`, then `save`.

    Args:
        model: See `source` of `convert`.
        path: Folder to write, such as ``"served/1"``. It is written whole or not at all.
        precision: See `convert`.
        calibration_data: See `convert`.
        overrides: See `convert`.
        batch_size: See `convert`.
        overwrite: Whether a SavedModel that is there may be replaced.

    Returns:
        The report of the conversion.

    Raises:
        FileExistsError: If `path` exists and may not be replaced.
        ValueError: See `convert`.

    Example:

    >>> import keras, pathlib, tempfile, tfsparse
    >>> layers = [keras.layers.Input((8,)), keras.layers.Dense(4, name="out")]
    >>> folder = pathlib.Path(tempfile.mkdtemp(), "1")
    >>> report = tfsparse.export(keras.Sequential(layers), folder, overrides={"out": "4x1"})
    >>> report["out"].block, (folder / "saved_model.pb").exists()
    ('4x1', True)
    """
    check_target(path, overwrite)
    converted = convert(
        model, precision, calibration_data, overrides=overrides, batch_size=batch_size
    )
    converted.save(path, overwrite)
    return converted.report


def _check_arguments(precision: str, calibration_data: Any, batch_size: int) -> None:
    if precision not in get_args(Precision):
        raise ValueError(
            f"`precision` should be 'fp32', 'bf16' or 'int8'. Received: precision={precision!r}"
        )
    if precision == "int8" and calibration_data is None:
        raise ValueError(
            "`calibration_data` should be given for precision='int8': the ranges of activations "
            "are read from it. Received: calibration_data=None"
        )
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(
            f"`batch_size` should be a positive integer. Received: batch_size={batch_size!r}"
        )


def _without_common_scope(frozen: Mapping[str, FrozenGraph]) -> dict[str, FrozenGraph]:
    names = {name for graph in frozen.values() for name in graph.weight_names.values()}
    scope = common_scope(names)
    return {
        key: dataclasses.replace(
            graph,
            weight_names={
                node: name.removeprefix(scope) for node, name in graph.weight_names.items()
            },
        )
        for key, graph in frozen.items()
    }


def _equal_signatures(frozen: Mapping[str, FrozenGraph]) -> list[tuple[str, ...]]:
    """Signatures grouped by what they compute; Keras writes one graph under two keys."""
    groups: dict[str, list[str]] = {}
    for key, graph in frozen.items():
        groups.setdefault(graph.fingerprint(), []).append(key)
    return [tuple(keys) for keys in groups.values()]
