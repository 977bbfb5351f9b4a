"""Reports without models."""

from tfsparse.pattern import KernelView, parse_pattern
from tfsparse.pruning.report import SparsityReport
from tfsparse.pruning.report.kernel_sparsity import measure

from .kernels import sparse_matrices


def row(name="hidden", shape=(32, 64), pattern="4x1", sparsity=0.75, source="tfsparse"):
    """The row of a kernel with that matrix ``(out, in)``."""
    view = KernelView.of_dense(shape[::-1])
    kernel = view.from_matrices(sparse_matrices((1, *shape), pattern, sparsity))
    target = None if source == "found" else sparsity
    return measure(name, kernel, view, parse_pattern(pattern), target, source)


def report(*rows, **options):
    """A report of some rows, by default one."""
    return SparsityReport(rows or (row(),), **{"skipped": {}, **options})
