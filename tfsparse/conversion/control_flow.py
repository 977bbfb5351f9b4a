"""What loops, branches and calls take, give, and run: ops that have functions as attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from tfsparse.conversion.graph import BodyKey, Graph, NodeDef, node_name, tensor_name

CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
LOOPS = {"While", "StatelessWhile"}
FRAME_OPS = {
    *("Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration", "LoopCond"),
    *("Switch", "RefSwitch", "Merge", "RefMerge"),
}
"""What loops and branches of TF1 consist of. Nodes belong to a loop by what they read, and a
constant by what it waits for."""

_ENTER, _EXIT = {"Enter", "RefEnter"}, {"Exit", "RefExit"}
_SWITCH, _MERGE = {"Switch", "RefSwitch"}, {"Merge", "RefMerge"}

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


def nodes_in_frames(graph: Graph) -> set[str]:
    """Names of the nodes inside of loops and branches of TF1."""
    loops, branches = (
        {name for name, node in graph.nodes.items() if node.op in ops} for ops in (_ENTER, _SWITCH)
    )
    if not loops and not branches:
        return set()
    readers: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        for reference in node.input:
            readers.setdefault(node_name(reference), []).append(node.name)

    def until(begin: set[str], end: set[str]) -> set[str]:
        inside, pending = set(begin), list(begin)
        while pending:
            for reader in readers.get(pending.pop(), []):
                if reader not in inside and graph.nodes[reader].op not in end:
                    inside.add(reader)
                    pending.append(reader)
        return inside

    inside = until(loops, _EXIT)
    return inside | until(branches - inside, _MERGE)


def body_key(name: str, slot: FunctionSlot) -> BodyKey:
    """Where the body of a function attribute is found in `Graph.bodies`."""
    return name, slot.key
