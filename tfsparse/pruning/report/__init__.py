"""`sparsity_report`: what is zero in a model, how, and what is not and why."""

from tfsparse.pruning.report.kernel_sparsity import KernelSparsity
from tfsparse.pruning.report.sparsity_report import SparsityReport, sparsity_report

__all__ = ["KernelSparsity", "SparsityReport", "sparsity_report"]
