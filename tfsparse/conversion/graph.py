"""The graph that conversion reads and changes: flat nodes, and bodies of loops and branches.

What: a function of the model with the calls inside it inlined. Its nodes are `NodeDef`s. Its
variables, lookup tables and other state are not in it: they are *captures*, placeholders that
stand for a tensor of the loaded model, and stay what they are. A loop or a branch keeps its
functions as graphs of their own, one for each place where it is called, so that each can be
changed alone.

Contract: a reference in `NodeDef.input` is ``node``, ``node:1`` or ``^node``; a tensor name is
``node:0`` always with the number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

NodeDef = Any
"""`tf.compat.v1.NodeDef`; protobuf classes carry no types."""

BodyKey = tuple[str, str]
"""A node and which of its functions: ``("loop", "body")``, ``("switch", "branches:2")``."""


def tensor_name(reference: str) -> str:
    """Full name ``node:index`` of what a node's input field refers to."""
    return reference if ":" in reference else f"{reference}:0"


def node_name(reference: str) -> str:
    """Name of the node that an input field or a tensor name refers to."""
    return reference.lstrip("^").split(":")[0]


def reference_of(tensor: str) -> str:
    """The shortest reference to a tensor, as an input field holds it."""
    return tensor.removesuffix(":0")


@dataclasses.dataclass(eq=False)
class Graph:
    """A function of a model, flat.

    Attributes:
        nodes: Name to node.
        inputs: Names of the placeholders that the arguments are fed to, in order.
        outputs: Names of the tensors that the function returns, in order.
        control_outputs: Names of nodes that run whether or not a result needs them.
        captures: Name of a placeholder to the tensor of the loaded model that it stands for.
            The body of a loop or branch has none: it is given them as arguments.
        bodies: Functions of loops and branches.
        caller: For a body, the graph that it is called from, and where.
        library: Name to `FunctionDef` of the functions that are left as they are.
        passed_in: For a body, id of a tensor that conversion hands in to the name of the input.
    """

    nodes: dict[str, NodeDef]
    inputs: list[str]
    outputs: list[str]
    control_outputs: list[str] = dataclasses.field(default_factory=list)
    captures: dict[str, Any] = dataclasses.field(default_factory=dict)
    bodies: dict[BodyKey, Graph] = dataclasses.field(default_factory=dict)
    caller: tuple[Graph, BodyKey] | None = None
    library: dict[str, Any] = dataclasses.field(default_factory=dict)
    passed_in: dict[int, str] = dataclasses.field(default_factory=dict)

    def all_graphs(self) -> Iterator[Graph]:
        """This graph and all bodies inside it, outer ones first."""
        yield self
        for body in self.bodies.values():
            yield from body.all_graphs()

    def free_name(self, wanted: str, besides: Collection[str] = ()) -> str:
        """The wanted name for a node, or one close to it that is free.

        Args:
            wanted: The name.
            besides: Other names that are not free.
        """
        name, count = wanted, 0
        while name in self.nodes or name in besides:
            count += 1
            name = f"{wanted}_{count}"
        return name

    def add(self, node: NodeDef) -> str:
        """Adds a node under its own name, which must be free."""
        if node.name in self.nodes:
            raise ValueError(f"`node` should have a free name. Received: {node.name!r}")
        self.nodes[node.name] = node
        return str(node.name)

    def add_constant(self, wanted: str, value: np.ndarray | np.generic) -> str:
        """Adds a constant under the wanted name, or one close to it that is free."""
        node = tf.compat.v1.NodeDef(name=self.free_name(wanted), op="Const")
        node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        return self.add(node)

    def prune(self) -> None:
        """Drops nodes that no output depends on, and with them captures and bodies."""
        needed: set[str] = set()
        pending = [node_name(tensor) for tensor in self.outputs]
        pending += [*self.control_outputs, *self.inputs]
        while pending:
            name = pending.pop()
            if name not in needed:
                needed.add(name)
                pending += map(node_name, self.nodes[name].input)
        self.nodes = {name: node for name, node in self.nodes.items() if name in needed}
        self.captures = {name: value for name, value in self.captures.items() if name in needed}
        self.bodies = {key: body for key, body in self.bodies.items() if key[0] in needed}

    def sort(self) -> None:
        """Puts each node behind those that it reads, and leaves the order what it is elsewhere.

        Where nodes read each other in a circle, as in loops of TF1, one of them comes first.
        """
        ordered: dict[str, NodeDef] = {}
        seen: set[str] = set()
        for first in self.nodes:
            pending = [first]
            while pending:
                name = pending[-1]
                if name not in seen:
                    seen.add(name)
                    sources = [node_name(reference) for reference in self.nodes[name].input]
                    pending += [source for source in reversed(sources) if source not in seen]
                else:
                    ordered.setdefault(name, self.nodes[name])
                    pending.pop()
        self.nodes = ordered

    def waits_of(self, names: Iterable[str]) -> list[str]:
        """What a node waits for that takes the place of some nodes.

        Args:
            names: Names of nodes.

        Returns:
            Their control inputs, as ``^node``, that are none of them; sorted, each once.
        """
        members = set(names)
        inputs = {reference for name in members for reference in self.nodes[name].input}
        waits = {reference for reference in inputs if reference.startswith("^")}
        return sorted(reference for reference in waits if reference[1:] not in members)

    def replace_inputs(self, name: str, references: Iterable[str]) -> None:
        """Gives a node other inputs."""
        references = list(references)
        node = self.nodes[name]
        del node.input[:]
        node.input.extend(references)
