"""Makes a model of converted graphs: its functions, and the state that they still read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from tfsparse.conversion.converted_model import ConvertedModel
from tfsparse.conversion.graph import Graph
from tfsparse.conversion.model_graphs import ModelGraphs, inference_functions
from tfsparse.conversion.packed import PackedStore
from tfsparse.conversion.private_tensorflow import polymorphic_function
from tfsparse.conversion.report import ConversionReport
from tfsparse.conversion.source import LoadedModel


def rebuild(
    loaded: LoadedModel, graphs: ModelGraphs, store: PackedStore, report: ConversionReport
) -> ConvertedModel:
    """Makes the converted model.

    Args:
        loaded: The source.
        graphs: Its graphs, converted.
        store: The packed weights that they read.
        report: What was converted.

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
    read = _read_tensors(function.graph for function in graphs.functions)
    state = tf.Module()
    state.tfsparse_weights = [each for each in store.variables if id(each.handle) in read]
    state.tfsparse_state = [
        variable for handle, variable in graphs.state.variables.items() if handle in read
    ]
    state.tfsparse_resources = _resources(loaded.model, read)
    for name in ("initializer", "asset_paths"):  # of a TF1 SavedModel
        if hasattr(loaded.model, name) and _makes_resources(graphs):
            setattr(state, name, getattr(loaded.model, name))
    for name, function in endpoints.items():
        setattr(state, name, function)
    return ConvertedModel(signatures, endpoints, by_key, state, report, loaded.folder)


def _read_tensors(graphs: Iterable[Graph]) -> set[int]:
    """ids of the tensors that graphs capture."""
    return {id(value) for graph in graphs for value in graph.captures.values()}


def _resources(model: Any, read: set[int]) -> list[Any]:
    """Lookup tables and the like that are still read."""
    found = []
    for each in tf.train.TrackableView(model).descendants():
        handle = getattr(each, "resource_handle", None)
        if handle is not None and id(handle) in read:
            found.append(each)
    return found


def _makes_resources(graphs: ModelGraphs) -> bool:
    """Whether a graph makes tables of its own, as those of TF1 do."""
    return any(
        node.op != "Placeholder" and "shared_name" in node.attr
        for function in graphs.functions
        for graph in function.graph.all_graphs()
        for node in graph.nodes.values()
    )
