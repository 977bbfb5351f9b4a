"""Values of tensors that depend on constants and on variables that never change.

What: matching asks for kernels, biases and scales, which a graph reads from variables, casts,
reshapes, and computes from one another. A tensor whose ancestors are all constants, unchanging
variables and ops without state has a value, and it is looked up here when it is asked for.

Cost: nothing is copied for a variable that is read as it is. What is computed is given to the
caller and not kept, since a model's weights would be in memory once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.conversion.control_flow import FRAME_OPS, argument_source, function_slots
from tfsparse.conversion.function_def import is_stateful
from tfsparse.conversion.graph import Graph, NodeDef, node_name, tensor_name
from tfsparse.conversion.importing import import_graph
from tfsparse.conversion.state import State, array_of

_SMALL = 4096
"""Bytes up to which a computed value is kept."""

_DIRECT: dict[str, Callable[..., np.ndarray]] = {
    "Identity": lambda node, value: value,
    "Reshape": lambda node, value, shape: value.reshape(shape),
    "Transpose": lambda node, value, order: value.transpose(order),
    "ExpandDims": lambda node, value, axis: np.expand_dims(value, int(np.ravel(axis)[0])),
}
"""Ops that NumPy does as a view, without a copy."""


class Constants:
    """The constants of a graph.

    Args:
        graph: The graph.
        state: The model's variables.
        outer: Constants of the graph that calls this one, for a body.
    """

    def __init__(self, graph: Graph, state: State, outer: Constants | None) -> None:
        self._graph = graph
        self._state = state
        self._outer = outer
        self._known: dict[str, bool] = {}
        self._values: dict[str, np.ndarray] = {}
        self._ids: dict[str, str] = {}

    def is_constant(self, tensor: str) -> bool:
        """Whether a tensor has a value."""
        return self._node_is_constant(node_name(tensor))

    def value(self, tensor: str) -> np.ndarray | None:
        """The value of a tensor, or None. It is not to be written to."""
        if not self.is_constant(tensor):
            return None
        if tensor not in self._values:
            value = self._compute(tensor)
            if value.nbytes > _SMALL:
                return value
            self._values[tensor] = value
        return self._values[tensor]

    def variable_names(self, tensor: str) -> list[str]:
        """Names of the variables that a constant is computed from, as `State.name_of` has them."""
        found: list[str] = []
        pending, seen = [node_name(tensor)], set()
        while pending:
            node = self._graph.nodes[pending.pop()]
            if node.name in seen:
                continue
            seen.add(node.name)
            if node.op == "ReadVariableOp":
                variable = self._state.constant_variable(self._graph, tensor_name(node.input[0]))
                found += [] if variable is None else [self._state.name_of(variable)]
            elif node.op == "Placeholder" and self._outer is not None:
                source = self._argument(node.name)
                found += [] if source is None else self._outer.variable_names(source)
            else:
                pending += [node_name(ref) for ref in node.input if not ref.startswith("^")]
        return found

    def identity(self, tensor: str) -> str:
        """A text that is equal for tensors that are computed alike from the same variables."""
        if tensor not in self._ids:
            self._ids[tensor] = self._identity(tensor)
        return self._ids[tensor]

    def _node_is_constant(self, name: str) -> bool:
        """Without recursion: a graph may be deeper than Python's stack."""
        pending = [name]
        while pending:
            current = pending[-1]
            if current in self._known:
                pending.pop()
                continue
            node = self._graph.nodes[current]
            leaf = self._leaf(node)
            if leaf is not None:
                self._known[current] = leaf
                continue
            sources = [node_name(ref) for ref in node.input if not ref.startswith("^")]
            unknown = [source for source in sources if source not in self._known]
            if not unknown:
                self._known[current] = all(self._known[source] for source in sources)
            elif (
                any(self._known.get(source) is False for source in sources) or unknown[0] in pending
            ):
                self._known[current] = False
            else:
                pending.append(unknown[0])
        return self._known[name]

    def _leaf(self, node: NodeDef) -> bool | None:
        """Whether a node is constant, if that does not depend on its inputs."""
        if node.op == "Const":
            return True
        if node.op in ("ReadVariableOp", "VariableShape"):
            return self._state.is_constant_read(self._graph, node)
        if node.op == "Placeholder":
            return self._placeholder_is_constant(node)
        if is_stateful(node, self._graph.library) or not node.input:
            return False
        if node.op in FRAME_OPS:
            return False
        return False if any(True for _ in function_slots(node)) else None

    def _placeholder_is_constant(self, node: NodeDef) -> bool:
        if node.name in self._graph.captures:
            return self._graph.captures[node.name].dtype not in (tf.resource, tf.variant)
        source = self._argument(node.name)
        return source is not None and self._outer is not None and self._outer.is_constant(source)

    def _argument(self, name: str) -> str | None:
        if name not in self._graph.inputs:
            return None
        return argument_source(self._graph, name)

    def _compute(self, tensor: str) -> np.ndarray:
        node = self._graph.nodes[node_name(tensor)]
        if node.op == "Const":
            return np.asarray(tf.make_ndarray(node.attr["value"].tensor))
        if node.op == "ReadVariableOp":
            variable = self._state.constant_variable(self._graph, tensor_name(node.input[0]))
            assert variable is not None
            return array_of(variable.read_value())
        if node.op == "Placeholder":
            if node.name in self._graph.captures:
                return array_of(self._graph.captures[node.name])
            source = self._argument(node.name)
            assert source is not None and self._outer is not None
            value = self._outer.value(source)
            assert value is not None
            return value
        if node.op in _DIRECT:
            values = [self.value(tensor_name(ref)) for ref in node.input if ref[0] != "^"]
            return _DIRECT[node.op](node, *values)
        return self._run(tensor)

    def _run(self, tensor: str) -> np.ndarray:
        """Computes a value in TensorFlow, fed with what it can be fed."""
        nodes: dict[str, NodeDef] = {}
        captures: dict[str, Any] = {}
        pending = [node_name(tensor)]
        while pending:
            name = pending.pop()
            if name in nodes or name in captures:
                continue
            node = self._graph.nodes[name]
            if node.op == "ReadVariableOp" or node.op == "Placeholder":
                captures[name] = self._fed(node)
                continue
            copy = tf.compat.v1.NodeDef()
            copy.CopyFrom(node)
            references = [ref for ref in node.input if not ref.startswith("^")]
            del copy.input[:]
            copy.input.extend(references)
            nodes[name] = copy
            pending += map(node_name, references)
        part = Graph(nodes, [], [tensor], library=self._graph.library)

        def run(*values: tf.Tensor) -> tf.Tensor:
            feeds = dict(zip(captures, values, strict=True))
            return import_graph(part, feeds, [tensor], name="constant")[tensor]

        values = list(captures.values())
        # Not called as it is: TensorFlow would warn of a function that is traced for one call.
        result = tf.function(run, autograph=False).get_concrete_function(*values)(*values)
        return array_of(result)

    def _fed(self, node: NodeDef) -> Any:
        if node.op == "Placeholder" and node.name in self._graph.captures:
            return self._graph.captures[node.name]
        if node.op == "ReadVariableOp":
            variable = self._state.constant_variable(self._graph, tensor_name(node.input[0]))
            assert variable is not None
            return variable.read_value()
        return tf.convert_to_tensor(self._compute(f"{node.name}:0"))

    def _identity(self, tensor: str) -> str:
        node = self._graph.nodes[node_name(tensor)]
        if node.op == "Identity":
            return self.identity(tensor_name(node.input[0]))
        if node.op == "ReadVariableOp":
            variable = self._state.constant_variable(self._graph, tensor_name(node.input[0]))
            if variable is not None:
                return f"variable {id(variable)}"
        if node.op == "Placeholder":
            captured = self._state.capture(self._graph, tensor)
            if captured is not None:
                return f"capture {id(captured)}"
            source = self._argument(node.name)
            if source is not None and self._outer is not None:
                return self._outer.identity(source)
            return f"argument {id(self._graph)} {node.name}"
        digest = hashlib.sha256(f"{node.op} {tensor.split(':')[1]}".encode())
        for key in sorted(node.attr):
            if not key.startswith("_"):
                value = node.attr[key].SerializeToString(deterministic=True)
                digest.update(f"{key} {len(value)} ".encode() + value)
        if is_stateful(node, self._graph.library):
            digest.update(f"{id(self._graph)} {node.name}".encode())
        for reference in node.input:
            if not reference.startswith("^"):
                digest.update(self.identity(tensor_name(reference)).encode())
        return digest.hexdigest()
