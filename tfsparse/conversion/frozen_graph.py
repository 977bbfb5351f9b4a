"""One signature of a model as a flat graph whose weights are constants."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class FrozenGraph:
    """A flat GraphDef with the names under which a signature is called.

    Attributes:
        graph_def: The graph. Its weights are ``Const`` nodes.
        inputs: Input key of the signature to `tf.TensorSpec`.
        input_nodes: Input key to the name of the ``Placeholder`` that stands for it.
        outputs: Output key of the signature to tensor name.
        output_shapes: Output key to static shape; a frozen graph infers less than the
            signature declared.
        variables: Name of a resource ``Placeholder`` to the `tf.Variable` that it
            stands for; only large tables of embeddings are left as variables.
        weight_names: Name of a ``Const`` node to the name of the variable it was.
    """

    graph_def: tf.compat.v1.GraphDef
    inputs: dict[str, tf.TensorSpec]
    input_nodes: dict[str, str]
    outputs: dict[str, str]
    output_shapes: dict[str, tf.TensorShape]
    variables: dict[str, tf.Variable]
    weight_names: dict[str, str]

    def with_graph_def(self, graph_def: tf.compat.v1.GraphDef) -> FrozenGraph:
        """The same signature over another graph."""
        return dataclasses.replace(self, graph_def=graph_def)

    def reduced_to(self, roots: Iterable[str]) -> FrozenGraph:
        """The same signature over the part of the graph that the root nodes depend on.

        Input placeholders stay even where nothing reads them.
        """
        by_name = {node.name: node for node in self.graph_def.node}
        needed: set[str] = set()
        pending = [*roots, *self.input_nodes.values()]
        while pending:
            name = pending.pop()
            if name not in needed:
                needed.add(name)
                pending += [ref.lstrip("^").split(":")[0] for ref in by_name[name].input]
        reduced = tf.compat.v1.GraphDef()
        reduced.versions.CopyFrom(self.graph_def.versions)
        reduced.library.CopyFrom(self.graph_def.library)
        reduced.node.extend(node for node in self.graph_def.node if node.name in needed)
        variables = {name: value for name, value in self.variables.items() if name in needed}
        return dataclasses.replace(self, graph_def=reduced, variables=variables)

    def fingerprint(self) -> str:
        """Equal for two signatures that compute the same thing under the same names."""
        digest = hashlib.sha256()
        messages = [*self.graph_def.node, *self.graph_def.library.function]
        for data in sorted(message.SerializeToString(deterministic=True) for message in messages):
            digest.update(len(data).to_bytes(8, "little") + data)
        names = (
            sorted((key, str(spec.shape), spec.dtype.name) for key, spec in self.inputs.items()),
            sorted(self.input_nodes.items()),
            sorted(self.outputs.items()),
            sorted((key, str(shape)) for key, shape in self.output_shapes.items()),
            sorted((node, id(variable)) for node, variable in self.variables.items()),
        )
        digest.update(repr(names).encode())
        return digest.hexdigest()
