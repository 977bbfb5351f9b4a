"""Says in an exported model what was done to it and which op library it needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import tensorflow as tf

from tfsparse.conversion.graph import Graph
from tfsparse.conversion.importing import written
from tfsparse.conversion.report import ConversionReport
from tfsparse.ops.export_info import ExportInfo
from tfsparse.ops.library import library_path
from tfsparse.ops.library_info import library_info

_OURS = "Tfsparse>"


def export_info(
    graphs: Iterable[Graph], report: ConversionReport, target: str | None
) -> ExportInfo:
    """What is to be written into a model.

    Args:
        graphs: The graphs of its signatures.
        report: What was converted.
        target: The processor that conversion decided for.
    """
    converted = Counter(op.precision for op in report if op.converted and op.precision)
    needed = any(map(_has_our_ops, graphs))
    return ExportInfo(
        op_library=library_info(library_path()).version if needed else None,
        tensorflow=tf.__version__,
        target=target,
        converted=dict(converted),
        stayed=sum(not op.converted for op in report),
    )


def _has_our_ops(graph: Graph) -> bool:
    nodes, functions = written(graph)
    bodies = [nodes, *(function.node_def for function in functions)]
    return any(node.op.startswith(_OURS) for body in bodies for node in body)
