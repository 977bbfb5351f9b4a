"""The name of a layer as its user knows it, from what a graph still says of it."""

from __future__ import annotations

import re
from collections.abc import Collection

_CALLS = ("StatefulPartitionedCall", "PartitionedCall")
_PRODUCTS = ("MatMul", "Tensordot", "BatchMatMulV2")
_CONVOLUTION = re.compile(r"(Conv[123]D|convolution|depthwise)(_\d+)?")


def layer_name(node: str, variable: str | None) -> str:
    """Names a layer.

    The variable that held the weights says it best: Keras names it after the layer,
    while the scopes of a graph are made unique once more on export ("dense_1_1").
    Without one, the scope of the node that multiplies has to do.

    Args:
        node: Name of the node that multiplies.
        variable: Name of the variable that held its weights, if there was one.

    Returns:
        The layer's name; nested layers are separated by ``/``.

    Example:

    >>> layer_name("StatefulPartitionedCall/functional_1/first_1/MatMul", "first/kernel")
    'first'
    >>> layer_name("PartitionedCall/encoder/project/Tensordot/MatMul", None)
    'encoder/project'
    >>> layer_name("PartitionedCall/functional_1/stem_1/convolution", None)
    'functional_1/stem_1'
    """
    if variable is not None and "/" in variable:
        return variable.rsplit("/", 1)[0]
    parts = [part for part in node.split("/") if not part.startswith(_CALLS)]
    scope = list(parts)
    if scope and _CONVOLUTION.fullmatch(scope[-1]):
        scope.pop()
    while scope and scope[-1].startswith(_PRODUCTS):
        scope.pop()
    return "/".join(scope) or "/".join(parts) or node


def is_named(layer: str, name: str) -> bool:
    """Whether a name is that of a layer, whole or its last part.

    Example:

    >>> is_named("encoder/dense", "dense"), is_named("encoder/dense", "encoder")
    (True, False)
    """
    return layer == name or layer.endswith(f"/{name}")


def common_scope(variables: Collection[str]) -> str:
    """The scope that all variables of a model lie in, which no user would name.

    Keras 3 puts the variables of a `Sequential` under the model's own name.

    Args:
        variables: Names of the model's variables.

    Returns:
        The scope with a ``/`` at its end, or nothing if the variables do not share one
        around their layers.

    Example:

    >>> common_scope(["sequential_3/first/kernel", "sequential_3/last/kernel"])
    'sequential_3/'
    >>> common_scope(["dense/kernel", "dense/bias"])
    ''
    """
    scopes = {name.split("/", 1)[0] for name in variables}
    if len(scopes) != 1 or any(name.count("/") < 2 for name in variables):
        return ""
    return f"{scopes.pop()}/"
