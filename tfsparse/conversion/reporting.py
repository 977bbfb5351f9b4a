"""Makes the rows of a report from plans."""

from __future__ import annotations

import tensorflow as tf

from tfsparse.conversion.dense_layer import Unmatched
from tfsparse.conversion.graph import NodeDef
from tfsparse.conversion.planning import Plan
from tfsparse.conversion.report import OpReport


def planned_row(
    plan: Plan,
    name: str,
    node: NodeDef | None,
    chain: tuple[str, ...],
    signatures: tuple[str, ...],
) -> OpReport:
    """The row of a layer that was planned.

    Args:
        plan: The plan.
        name: Name of the node that computes the layer now.
        node: The node, if it is one of our ops and still there.
        chain: Names of the layers that it computes, if there are several.
        signatures: Signatures that it serves.
    """
    converted = plan.convert and node is not None
    takes, gives = "float32", "float32"
    if converted and node is not None and "Tin" in node.attr:
        takes, gives = (
            str(tf.as_dtype(node.attr[attribute].type).name) for attribute in ("Tin", "Tout")
        )
    return OpReport(
        layer=plan.layer.name,
        node=name,
        signatures=signatures,
        converted=converted,
        shape=plan.layer.weights.shape,
        zeros=plan.zeros,
        block=str(plan.choice.block) if converted and plan.choice is not None else None,
        precision=plan.precision if converted else None,
        input=takes if converted else None,
        output=gives if converted else None,
        fused=plan.layer.fused if converted else (),
        chain=chain,
        speedup=None if plan.choice is None else plan.choice.speedup,
        error=plan.error if converted else None,
        reason=plan.reason,
    )


def stayed_row(stayed: Unmatched, signatures: tuple[str, ...]) -> OpReport:
    """The row of a product that is left as it is."""
    return OpReport(
        layer=stayed.name,
        node=stayed.node,
        signatures=signatures,
        converted=False,
        shape=stayed.shape,
        zeros=None,
        block=None,
        precision=None,
        input=None,
        output=None,
        fused=(),
        chain=(),
        speedup=None,
        error=None,
        reason=stayed.reason,
    )
