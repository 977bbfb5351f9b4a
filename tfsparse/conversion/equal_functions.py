"""Finds functions of a model that compute the same thing, under whatever names.

Keras writes one model as an endpoint and under two signatures; each is traced or wrapped anew, with
other names of nodes, of inner functions, of inputs and outputs, and the inputs in another
order. Such functions are converted once.

How: a node's digest is made of its op, its attributes and the digests of what it reads, so it does
not depend on names. (A loop of TF1 is a cycle, and the way back goes by its name.) The inputs of
the two functions are paired in a few likely ways; the functions are equal if with one of them the
digests of all outputs and effects are the same, and each node that gives something else every time
is there as often: two random numbers are not one that is read twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tfsparse.conversion.control_flow import function_slots
from tfsparse.conversion.function_def import is_stateful
from tfsparse.conversion.graph import Graph, NodeDef, node_name, tensor_name
from tfsparse.conversion.state import READS

_WAYS_BACK = {"NextIteration", "RefNextIteration"}
"""What ends a round of a loop of TF1."""


@dataclasses.dataclass(frozen=True)
class Pairing:
    """How one function is computed by the graph of an equal one.

    Attributes:
        inputs: For each input of the graph, which input of the function it is.
        outputs: For each output of the function, which output of the graph it is.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @classmethod
    def itself(cls, graph: Graph) -> Pairing:
        """The pairing of a graph with the function that it was read from."""
        return cls(tuple(range(len(graph.inputs))), tuple(range(len(graph.outputs))))


def pair(graph: Graph, other: Graph) -> Pairing | None:
    """Pairs a graph with another one that computes the same.

    Args:
        graph: A clean graph.
        other: Another one.

    Returns:
        How `other` is computed by `graph`; None if it is not.
    """
    if len(graph.inputs) != len(other.inputs) or len(graph.outputs) != len(other.outputs):
        return None
    own = _digests(graph, {name: f"input {place}" for place, name in enumerate(graph.inputs)})
    for order in dict.fromkeys(_orders(graph, other)):
        labels = {other.inputs[source]: f"input {place}" for place, source in enumerate(order)}
        theirs = _digests(other, labels)
        same = _effects(graph, own) == _effects(other, theirs)
        if not same or not _same_types(graph, other, order):
            continue
        places = {_of(graph, own, each): place for place, each in enumerate(_results(graph)[0])}
        wanted = [_of(other, theirs, tensor) for tensor in _results(other)[0]]
        if all(digest in places for digest in wanted):
            return Pairing(order, tuple(places[digest] for digest in wanted))
    return None


def _orders(graph: Graph, other: Graph) -> Iterator[tuple[int, ...]]:
    """Likely pairings: by place, by name, and in the order in which they are met."""
    yield tuple(range(len(graph.inputs)))
    if set(graph.inputs) == set(other.inputs):
        yield tuple(other.inputs.index(name) for name in graph.inputs)
    mine, theirs = _met(graph), _met(other)
    if len(mine) == len(theirs) == len(graph.inputs):
        yield tuple(other.inputs.index(theirs[mine.index(name)]) for name in graph.inputs)


def _met(graph: Graph) -> list[str]:
    """The inputs in the order in which a walk from the outputs meets them."""
    anonymous = _digests(graph, dict.fromkeys(graph.inputs, "input"))
    pending = sorted(
        _results(graph)[0], key=lambda tensor: _of(graph, anonymous, tensor), reverse=True
    )
    seen: dict[str, None] = {}
    names = [node_name(tensor) for tensor in pending]
    while names:
        name = names.pop()
        if name not in seen:
            seen[name] = None
            names += [node_name(ref) for ref in reversed(graph.nodes[name].input) if ref[0] != "^"]
    return [name for name in seen if name in graph.inputs]


def _same_types(graph: Graph, other: Graph, order: Sequence[int]) -> bool:
    def of(each: Graph, name: str) -> tuple[int, bytes]:
        node = each.nodes[name]
        return node.attr["dtype"].type, node.attr["shape"].SerializeToString(deterministic=True)

    return all(
        of(graph, name) == of(other, other.inputs[source])
        for name, source in zip(graph.inputs, order, strict=True)
    )


def _effects(graph: Graph, digests: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What runs besides what the results need, and what has to run as often as it is there.

    Nodes that do nothing but wait are left out of the first.
    """
    results, waits = _results(graph)
    needed: set[str] = set()
    pending = [node_name(tensor) for tensor in results]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += map(node_name, graph.nodes[name].input)
    effects = _waited_for(graph, [*waits, *(f"^{name}" for name in graph.control_outputs)])
    often = [
        digests[node.name]
        for node in graph.nodes.values()
        if node.op in _WAYS_BACK or (node.op not in READS and is_stateful(node, graph.library))
    ]
    return sorted({digests[name] for name in effects - needed}), sorted(often)


def _results(graph: Graph) -> tuple[list[str], list[str]]:
    """The tensors that are returned, and what they wait for: a function ends after both."""
    results, waits = [], []
    for tensor in graph.outputs:
        node = graph.nodes[node_name(tensor)]
        while node.op == "Identity":
            waits += list(node.input)[1:]
            tensor = tensor_name(node.input[0])
            node = graph.nodes[node_name(tensor)]
        results.append(tensor)
    return results, waits


def _waited_for(graph: Graph, references: Iterable[str]) -> set[str]:
    """The nodes that control edges wait for in the end, through nodes that only wait."""
    found: set[str] = set()
    pending, seen = [ref[1:] for ref in references], set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        node = graph.nodes[name]
        if node.op in ("NoOp", "Identity"):
            pending += [ref.lstrip("^").split(":")[0] for ref in node.input]
        else:
            found.add(name)
    return found


def _of(graph: Graph, digests: Mapping[str, str], tensor: str) -> str:
    tensor = _through(graph, tensor)
    source = node_name(tensor)
    known = source if graph.nodes[source].op in _WAYS_BACK else digests.get(source, source)
    return f"{known}:{tensor.split(':')[1]}"


def _through(graph: Graph, tensor: str) -> str:
    """The tensor that identities pass on which wait for nothing; wrappers differ in them."""
    node = graph.nodes[node_name(tensor)]
    while node.op == "Identity" and len(node.input) == 1:
        tensor = tensor_name(node.input[0])
        node = graph.nodes[node_name(tensor)]
    return tensor


def _digests(graph: Graph, labels: Mapping[str, str]) -> dict[str, str]:
    """A digest of each node; that of an input is its label."""
    digests: dict[str, str] = dict(labels)
    digests |= {name: f"capture {id(value)}" for name, value in graph.captures.items()}
    pending = list(graph.nodes)
    entered: set[str] = set()
    while pending:
        name = pending[-1]
        if name in digests:
            pending.pop()
            continue
        node = graph.nodes[name]
        sources = {node_name(ref) for ref in node.input if not ref.startswith("^")}
        sources = {name for name in sources if graph.nodes[name].op not in _WAYS_BACK}
        sources |= _waited_for(graph, [ref for ref in node.input if ref.startswith("^")])
        missing = [source for source in sources if source not in digests]
        if missing and name not in entered:
            entered.add(name)
            pending += missing
            continue
        # What is still missing is part of a cycle: its name has to do.
        digests[name] = _digest(graph, node, digests)
    return digests


def _digest(graph: Graph, node: NodeDef, digests: Mapping[str, str]) -> str:
    digest = hashlib.sha256(node.op.encode())
    functions = {slot.key: slot.name for slot in function_slots(node)}
    for key in sorted(node.attr):
        if key.startswith("_") or any(each.split(":")[0] == key for each in functions):
            continue
        value = node.attr[key].SerializeToString(deterministic=True)
        digest.update(f"{key} {len(value)} ".encode() + value)
    for key, function in functions.items():
        body = graph.bodies.get((node.name, key))
        digest.update(f"{key} {function if body is None else _body_digest(body)}".encode())
    for reference in node.input:
        if not reference.startswith("^"):
            digest.update(_of(graph, digests, tensor_name(reference)).encode())
    waits = _waited_for(graph, [ref for ref in node.input if ref.startswith("^")])
    digest.update(" ".join(sorted({f"^{digests.get(name, name)}" for name in waits})).encode())
    return digest.hexdigest()


def _body_digest(body: Graph) -> str:
    digests = _digests(body, {name: f"input {place}" for place, name in enumerate(body.inputs)})
    results = _results(body)[0]
    effects, often = _effects(body, digests)
    whole = [*(_of(body, digests, tensor) for tensor in results), *effects, "often", *often]
    return hashlib.sha256(" ".join(whole).encode()).hexdigest()
