"""Recognises the activation that follows a tensor, however the graph spells it.

Why: a graph knows ``Relu``, ``Relu6``, ``Sigmoid`` and ``Tanh`` as ops, while GELU and SiLU are
several ops, written one way by Keras 3, another by an older Keras or by hand, and wrapped in an
``IdentityN`` where they have a gradient of their own.

How: the elementwise ops behind the tensor are read as expressions in it, in a normal form that
does not depend on the order of operands or on how products are grouped: a product is a
coefficient and a sorted list of factors, a sum a constant and a sorted list of terms, and -x,
x / c, x ** n are products. ReLU, ReLU6, minima, maxima and clips are one thing: a value between
bounds. An expression is an activation if its normal form is one of those in
`_KNOWN`, coefficients compared to a few units in the sixth digit.

Contract: an activation is found only where nothing outside of it reads the tensor or a value in
between.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal

from tfsparse.conversion.graph import NodeDef, node_name, tensor_name
from tfsparse.conversion.graph_view import CONTROL, GraphView

ActivationName = Literal["linear", "relu", "relu6", "gelu", "gelu_tanh", "sigmoid", "tanh", "silu"]
"""What the ops can apply to their results, named as Keras names it."""

_MOST_NODES = 16
"""Ops that an activation is looked for in; GELU by tanh has ten."""

_CLOSE = {"float16": 2e-3, "bfloat16": 1.6e-2}
"""How far coefficients are off that were rounded to half precision, once or twice."""

Expression = tuple[Any, ...]
_X: Expression = ("x",)


def _call(function: str, argument: Expression) -> Expression:
    return (function, argument)


def _product(*factors: float | Expression) -> Expression:
    coefficient = 1.0
    flat: list[Expression] = []
    for factor in factors:
        if isinstance(factor, float):
            coefficient *= factor
        elif factor[0] == "product":
            coefficient *= factor[1]
            flat += factor[2]
        else:
            flat.append(factor)
    if coefficient == 1 and len(flat) == 1:
        return flat[0]
    return ("product", coefficient, tuple(sorted(flat, key=repr)))


def _sum(*terms: float | Expression) -> Expression:
    constant = 0.0
    flat: list[Expression] = []
    for term in terms:
        if isinstance(term, float):
            constant += term
        elif term[0] == "sum":
            constant += term[1]
            flat += term[2]
        else:
            flat.append(term)
    return ("sum", constant, tuple(sorted(flat, key=repr)))


def _bounded(low: float, high: float, argument: Expression) -> Expression | None:
    """The argument, not less than `low` and not more than `high`."""
    if argument[0] == "bounded":
        _, inner_low, inner_high, argument = argument
        # With bounds that do not overlap, the outer ones would be all that is left.
        if not (low <= inner_high and inner_low <= high):
            return None
        low, high = max(low, inner_low), min(high, inner_high)
    return ("bounded", low, high, argument)


_CUBE = _product(_X, _X, _X)
_INNER = math.sqrt(2 / math.pi)
_ONE_PLUS_ERF = _sum(1.0, _call("Erf", _product(math.sqrt(0.5), _X)))
_KNOWN: list[tuple[ActivationName, Expression]] = [
    ("relu", ("bounded", 0.0, math.inf, _X)),
    ("relu6", ("bounded", 0.0, 6.0, _X)),
    ("sigmoid", _call("Sigmoid", _X)),
    ("tanh", _call("Tanh", _X)),
    ("silu", _product(_X, _call("Sigmoid", _X))),
    ("gelu", _product(0.5, _X, _ONE_PLUS_ERF)),
    ("gelu", _product(0.5, _X, _call("Erfc", _product(-math.sqrt(0.5), _X)))),
    *(
        ("gelu_tanh", _product(0.5, _X, _sum(1.0, _call("Tanh", inner))))
        for inner in (
            _product(_INNER, _sum(_X, _product(0.044715, _CUBE))),
            _product(_INNER, _X, _sum(1.0, _product(0.044715, _X, _X))),
        )
    ),
]


@dataclasses.dataclass(frozen=True)
class FoundActivation:
    """An activation, the node that gives its result, and all nodes it consists of."""

    name: ActivationName
    result: NodeDef
    nodes: tuple[str, ...]


def find_activation(view: GraphView, tensor: str) -> FoundActivation | None:
    """Finds the activation that is all that reads a tensor.

    Args:
        view: The graph.
        tensor: Full name of a tensor.

    Returns:
        The activation, or None. Of several, such as ReLU and a minimum behind it, the largest.
    """
    if view.is_output(tensor):
        return None
    close = _CLOSE.get(view.dtype(tensor).name, 3e-6)
    expressions: dict[str, Expression] = {tensor: _X}
    pending = [tensor]
    largest: FoundActivation | None = None
    while pending and len(expressions) <= _MOST_NODES:
        for reader in view.readers(pending.pop(0)):
            result = f"{reader.node.name}:0"
            if result in expressions:
                continue
            expression = _expression(view, reader.node, expressions)
            if expression is None:
                continue
            expressions[result] = expression
            pending.append(result)
            name = next((name for name, known in _KNOWN if _same(expression, known, close)), None)
            nodes = _between(view, tensor, reader.node)
            passes_on = reader.node.op == "Identity" and largest is not None
            if name and not passes_on and _is_closed(view, tensor, reader.node, nodes):
                largest = FoundActivation(name, reader.node, tuple(sorted(nodes)))
    return largest


def _expression(view: GraphView, node: NodeDef, known: dict[str, Expression]) -> Expression | None:
    """The value of a node, if it is made of known values and scalar constants."""
    inputs = view.data_inputs(node)
    if node.op == "IdentityN":
        return known.get(inputs[0])
    if node.op not in _READ:
        return None
    operands: list[float | Expression] = []
    for tensor in inputs:
        value = known.get(tensor)
        if value is None:
            constant = view.constant(tensor)
            if constant is None or constant.size != 1 or constant.ndim > 1:
                return None
            operands.append(float(constant.reshape(())))
        else:
            operands.append(value)
    expression: Expression | None = _READ[node.op](node.op, operands)
    return expression


def _power(_: str, operands: list[Any]) -> Expression | None:
    base, exponent = operands
    if isinstance(base, float) or exponent not in (2.0, 3.0):
        return None
    return _product(*[base] * int(exponent))


def _quotient(_: str, operands: list[Any]) -> Expression | None:
    value, divisor = operands
    if isinstance(value, float) or not isinstance(divisor, float) or divisor == 0:
        return None
    return _product(1 / divisor, value)


def _bound(
    operands: list[Any], bounds: Callable[[float], tuple[float, float]]
) -> Expression | None:
    """A maximum or minimum of a value and a number; of two values it is something else."""
    numbers = [each for each in operands if isinstance(each, float)]
    values = [each for each in operands if not isinstance(each, float)]
    if len(numbers) != 1:
        return None
    return _bounded(*bounds(numbers[0]), values[0])


def _clip(_: str, operands: list[Any]) -> Expression | None:
    value, low, high = operands
    if isinstance(value, float) or not (isinstance(low, float) and isinstance(high, float)):
        return None
    return _bounded(low, high, value) if low <= high else None


_READ: dict[str, Any] = {
    **dict.fromkeys(
        ("Sigmoid", "Tanh", "Erf", "Erfc"),
        lambda op, operands: _call(op, operands[0]),
    ),
    "Relu": lambda _, operands: _bounded(0.0, math.inf, operands[0]),
    "Relu6": lambda _, operands: _bounded(0.0, 6.0, operands[0]),
    "Maximum": lambda _, operands: _bound(operands, lambda bound: (bound, math.inf)),
    "Minimum": lambda _, operands: _bound(operands, lambda bound: (-math.inf, bound)),
    "ClipByValue": _clip,
    **dict.fromkeys(("Add", "AddV2"), lambda _, operands: _sum(*operands)),
    "Identity": lambda _, operands: operands[0],
    "Mul": lambda _, operands: _product(*operands),
    "Neg": lambda _, operands: _product(-1.0, operands[0]),
    "Square": lambda _, operands: _product(operands[0], operands[0]),
    "Pow": _power,
    "RealDiv": _quotient,
}


def _same(one: Any, other: Any, close: float) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=close)
    if isinstance(one, tuple) and isinstance(other, tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_same(*pair, close) for pair in pairs)
    return bool(one == other)


def _between(view: GraphView, tensor: str, end: NodeDef) -> set[str]:
    """Names of the nodes from behind a tensor to `end` that depend on the tensor."""
    readers: set[str] = set()
    pending = [tensor]
    while pending:
        for reader in view.readers(pending.pop()):
            if reader.node.name not in readers:
                readers.add(reader.node.name)
                if reader.node.name != end.name:
                    pending.append(f"{reader.node.name}:0")
    needed, pending = {end.name}, [end.name]
    while pending:
        for reference in view.nodes[pending.pop()].input:
            name = node_name(reference)
            if name in readers and name not in needed:
                needed.add(name)
                pending.append(name)
    return needed


def _is_closed(view: GraphView, tensor: str, end: NodeDef, nodes: set[str]) -> bool:
    """Whether only `nodes` read the tensor and what they give, the result of `end` apart."""
    inner = [tensor, *(f"{name}:0" for name in nodes if name != end.name)]
    for each in inner:
        readers = view.readers(each)
        if view.is_output(each) or any(
            reader.index == CONTROL or reader.node.name not in nodes for reader in readers
        ):
            return False
    # An IdentityN passes on what it was given beside its result.
    others = [f"{end.name}:{index}" for index in range(1, len(view.data_inputs(end)))]
    return end.op != "IdentityN" or not any(
        view.is_output(each) or _reads_data(view, each) for each in map(tensor_name, others)
    )


def _reads_data(view: GraphView, tensor: str) -> bool:
    return any(reader.index != CONTROL for reader in view.readers(tensor))
