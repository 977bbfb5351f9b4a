"""What loops, branches and calls take, give, and run: ops that have functions as attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from tfsparse.conversion.graph import BodyKey, Graph, NodeDef, tensor_name

CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
LOOPS = {"While", "StatelessWhile"}
BRANCHES = {"If", "StatelessIf", "Case", "StatelessCase"}


@dataclasses.dataclass(frozen=True)
class FunctionSlot:
    """A function attribute of a node: where it stands, and the function's name."""

    key: str
    function: Any

    @property
    def name(self) -> str:
        """The name of the function."""
        return str(self.function.name)


def function_slots(node: NodeDef) -> Iterator[FunctionSlot]:
    """All function attributes of a node."""
    for key in sorted(node.attr):
        value = node.attr[key]
        if value.HasField("func"):
            yield FunctionSlot(key, value.func)
        elif value.HasField("list"):
            for index, function in enumerate(value.list.func):
                yield FunctionSlot(f"{key}:{index}", function)


def has_bodies(node: NodeDef) -> bool:
    """Whether a node is one whose functions are graphs of their own."""
    return node.op in LOOPS or node.op in BRANCHES or node.op in CALLS


def first_argument(node: NodeDef) -> int:
    """The input of a loop, branch or call that is its functions' first argument."""
    return 1 if node.op in BRANCHES else 0


def argument_source(body: Graph, argument: str) -> str | None:
    """The tensor of the calling graph that is an argument of a body, whenever it runs.

    Args:
        body: The body of a loop, branch or call.
        argument: Name of one of its `inputs`.

    Returns:
        The name of the tensor; None for a variable of a loop that changes between its rounds,
        and where nothing calls the graph.
    """
    if body.caller is None:
        return None
    outer, (name, _) = body.caller
    node = outer.nodes[name]
    place = body.inputs.index(argument)
    if node.op in LOOPS and not is_invariant(outer, name, place):
        return None
    return tensor_name(node.input[place + first_argument(node)])


def is_invariant(graph: Graph, loop: str, place: int) -> bool:
    """Whether a variable of a loop has the same value in all rounds."""
    body = graph.bodies[loop, "body"]
    return through_identities(body, body.outputs[place]) == tensor_name(body.inputs[place])


def through_identities(graph: Graph, tensor: str) -> str:
    """The tensor that a chain of ``Identity`` nodes passes on."""
    node = graph.nodes[tensor.split(":")[0]]
    while node.op == "Identity":
        tensor = tensor_name(node.input[0])
        node = graph.nodes[tensor.split(":")[0]]
    return tensor


def body_key(name: str, slot: FunctionSlot) -> BodyKey:
    """Where the body of a function attribute is found in `Graph.bodies`."""
    return name, slot.key
