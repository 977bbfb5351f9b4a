"""All functions of a loaded model as graphs, those that are equal as one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from tfsparse.conversion.equal_functions import Pairing, pair
from tfsparse.conversion.graph import Graph
from tfsparse.conversion.passes.clean import clean
from tfsparse.conversion.private_tensorflow import (
    argument_names,
    initializer_function,
    initializer_like,
)
from tfsparse.conversion.reading import function_of, read_concrete, shared_function
from tfsparse.conversion.reference_variables import lift_references
from tfsparse.conversion.source import LoadedModel
from tfsparse.conversion.state import State


@dataclasses.dataclass(eq=False)
class Entry:
    """A function of the model, and how its graph computes it.

    Attributes:
        key: Key of a signature, or name of a callable attribute and number of its function.
        function: The function as it was loaded.
        pairing: Which inputs and outputs of the graph are its own.
        is_signature: Whether it is a signature.
    """

    key: str
    function: Any
    pairing: Pairing
    is_signature: bool

    def input_names(self, graph: Graph) -> list[str]:
        """The function's name for each input of the graph."""
        names = argument_names(self.function)
        if len(names) != len(graph.inputs):
            names = [placeholder.op.name for placeholder in self.function.inputs]
        return [names[place] for place in self.pairing.inputs]


@dataclasses.dataclass(eq=False)
class ModelFunction:
    """A graph, and the functions of the model that it computes."""

    graph: Graph
    entries: list[Entry]

    @property
    def signatures(self) -> tuple[str, ...]:
        """Keys of the signatures; of callable attributes where there are none."""
        keys = [entry.key for entry in self.entries if entry.is_signature]
        return tuple(dict.fromkeys(keys or [entry.key for entry in self.entries]))


class ModelGraphs:
    """The graphs of a model.

    Args:
        loaded: The model.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        read = [
            (key, function, is_signature, read_concrete(function))
            for key, function, is_signature in self._functions()
        ]
        self.initializer = _initializer(loaded)
        if self.initializer is not None:
            read.append(("", self.initializer[0], False, self.initializer[1]))
        lifted: dict[str, Any] = {}
        if hasattr(loaded.model, "prune"):
            for _, _, _, graph in read:
                lift_references(graph, loaded.model, lifted)
        variables = {id(each): each for _, function, _, _ in read for each in _variables(function)}
        variables |= {id(each): each for each in lifted.values()}
        graphs = [graph for _, _, _, graph in read]
        self.state = State(variables.values(), graphs, loaded.layers, loaded.layer_paths)
        self.functions: list[ModelFunction] = []
        for key, function, is_signature, graph in read:
            clean(graph, self.state)
            if key:
                self._add(key, function, is_signature, graph)

    def _functions(self) -> Iterator[tuple[str, Any, bool]]:
        for key, function in self._loaded.signatures.items():
            yield key, function, True
        for name, endpoint in self._loaded.endpoints.items():
            for place, function in enumerate(inference_functions(endpoint)):
                yield f"{name}:{place}", function, False

    def _add(self, key: str, function: Any, is_signature: bool, graph: Graph) -> None:
        for known in self.functions:
            pairing = pair(known.graph, graph)
            if pairing is not None:
                known.entries.append(Entry(key, function, pairing, is_signature))
                return
        entry = Entry(key, function, Pairing.itself(graph), is_signature)
        self.functions.append(ModelFunction(graph, [entry]))

    def captured(self) -> set[int]:
        """Ids of the tensors of the loaded model that are still read."""
        graphs = [function.graph for function in self.functions]
        graphs += [] if self.initializer is None else [self.initializer[1]]
        return {id(value) for graph in graphs for value in graph.captures.values()}

    def rebuilt_initializer(self) -> Any | None:
        """What a TF1 SavedModel runs when it is loaded, without what it only captured."""
        if self.initializer is None:
            return None
        function, graph = self.initializer
        made = function_of(graph, None, function, Pairing.itself(graph))
        return initializer_like(self._loaded.model.initializer, made)

    def rebuilt(self) -> dict[int, Any]:
        """Id of each function as it was loaded to the function of its graph as it is now."""
        made = {}
        for each in self.functions:
            shared = shared_function(each.graph)
            for entry in each.entries:
                function = function_of(each.graph, shared, entry.function, entry.pairing)
                made[id(entry.function)] = function
        return made


def _initializer(loaded: LoadedModel) -> tuple[Any, Graph] | None:
    """What a TF1 SavedModel runs when it is loaded, if that is anything."""
    found = getattr(loaded.model, "initializer", None)
    if found is None or not hasattr(loaded.model, "asset_paths"):
        return None
    function = initializer_function(found)
    graph = read_concrete(function)
    return (function, graph) if graph.control_outputs else None


def inference_functions(endpoint: Any) -> list[Any]:
    """The functions of a callable attribute that are for serving.

    A Keras layer of an older version has one for each way of calling it. Those that were traced
    with ``training=True`` are left out: they change the statistics of BatchNorm, so that nothing of
    a model that keeps them could be folded.
    """
    names = list(endpoint.function_spec.fullargspec.args)
    functions = [each for each in endpoint.concrete_functions if not _is_training(each, names)]
    return functions or list(endpoint.concrete_functions)


def _is_training(function: Any, names: Sequence[str]) -> bool:
    arguments, named = function.structured_input_signature
    given = dict(zip(names, arguments, strict=False)) | dict(named)
    return given.get("training") is True


def _variables(function: Any) -> list[Any]:
    return list(function.graph.variables)
