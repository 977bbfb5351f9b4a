"""Makes a model of converted graphs: its functions, and the state that they still read."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfsparse.conversion.converted_model import ConvertedModel
from tfsparse.conversion.model_graphs import ModelGraphs, inference_functions
from tfsparse.conversion.packed import PackedStore
from tfsparse.conversion.private_tensorflow import polymorphic_function
from tfsparse.conversion.report import ConversionReport
from tfsparse.conversion.source import LoadedModel


def rebuild(
    loaded: LoadedModel,
    graphs: ModelGraphs,
    store: PackedStore,
    report: ConversionReport,
    target: str,
) -> ConvertedModel:
    """Makes the converted model.

    Args:
        loaded: The source.
        graphs: Its graphs, converted.
        store: The packed weights that they read.
        report: What was converted.
        target: The processor that was decided for.

    Returns:
        A model with the signatures and callable attributes of the source. It holds the packed
        weights, and of the source's state what its graphs still read.
    """
    functions = graphs.rebuilt()
    signatures = {key: functions[id(each)] for key, each in loaded.signatures.items()}
    endpoints = {
        name: polymorphic_function(
            endpoint, [functions[id(each)] for each in inference_functions(endpoint)]
        )
        for name, endpoint in loaded.endpoints.items()
    }
    by_key = {
        entry.key: function.graph
        for function in graphs.functions
        for entry in function.entries
        if entry.is_signature
    }
    read = graphs.captured()
    state = tf.Module()
    state.tfsparse_weights = [each for each in store.variables if id(each.handle) in read]
    state.tfsparse_state = [
        variable for handle, variable in graphs.state.variables.items() if handle in read
    ]
    state.tfsparse_resources = _resources(loaded.model, read)
    initializer = graphs.rebuilt_initializer()
    if initializer is not None:
        state.tfsparse_initializer = initializer
        state.tfsparse_assets = list(loaded.model.asset_paths)
    for name, function in endpoints.items():
        setattr(state, name, function)
    return ConvertedModel(signatures, endpoints, by_key, state, report, loaded.folder, target)


def _resources(model: Any, read: set[int]) -> list[Any]:
    """Lookup tables, paths of assets and the like that are still read."""
    found = []
    for each in tf.train.TrackableView(model).descendants():
        tensors = [getattr(each, name, None) for name in ("resource_handle", "asset_path")]
        if any(tensor is not None and id(tensor) in read for tensor in tensors):
            found.append(each)
    return found
