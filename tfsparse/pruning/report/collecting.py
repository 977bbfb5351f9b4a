"""Finds the kernels of a model, and says of each who prunes it.

The layers are walked from the outside in. What a wrapper of ours or of TFMOT
prunes is measured through its mask. Every other kernel is looked at too: it may
come from a pruned model that was stripped or loaded. It is reported where it is
sparse or where the caller names a pattern to measure against, and named with
the reason otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfsparse.pattern import KernelView, Pattern
from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.layer_tree import children
from tfsparse.pruning.prunable import (
    adaptation,
    is_kernel_owner,
    is_registered,
    refusal,
    skipped,
)
from tfsparse.pruning.report.kernel_sparsity import KernelSparsity, measure
from tfsparse.pruning.report.plain_kernels import PlainKernel, own_weights, plain_kernels
from tfsparse.pruning.tfmot_wrappers import is_tfmot_wrapper, never_pruned, tfmot_kernels
from tfsparse.pruning.wrapper import PruneBlockMixin

_NOT_PRUNED = "not passed to `prune_block`, or excluded"
_NOT_BUILT = "wrapped, but not built yet"
_OWN_WEIGHT = "a weight that a layer made of layers holds itself"
_NAMED = 5


class Collector:
    """Gathers the kernels of layers.

    Args:
        pattern: Pattern to measure every kernel against, or None for its own.

    Attributes:
        kernels: The kernels measured.
        skipped: Path of each other layer with a kernel, and the reason.
    """

    def __init__(self, pattern: Pattern | None) -> None:
        self.kernels: list[KernelSparsity] = []
        self.skipped: dict[str, str] = {}
        self._pattern = pattern
        self._seen: set[int] = set()
        self._masked: set[int] = set()  # whose kernels are measured through a mask
        self._idle: list[str] = []
        self._idle_tfmot: list[str] = []
        self._is_global = False

    def visit(self, layer: Any, path: str) -> None:
        """Gathers the kernels in a layer or model; a layer that was visited has none.

        Args:
            layer: The layer.
            path: Its name, with the names of the layers it lies in before it;
                empty for a model, whose name is not repeated for every layer.
        """
        if id(layer) in self._seen:
            return
        self._seen.add(id(layer))
        if isinstance(layer, PruneBlockMixin):
            self._visit_wrapped(layer, path)
        elif id(layer) in self._masked:
            if is_registered(layer):
                self._visit_children(layer, path)
        elif is_tfmot_wrapper(layer):
            self._visit_tfmot(layer, _joined(path.rpartition("/")[0], layer.layer.name))
        elif is_kernel_owner(layer) or is_registered(layer) or _is_refused(layer):
            self._visit_plain(layer, path)
        else:
            self._visit_inside(layer, path)

    def notes(self) -> tuple[str, ...]:
        """What the reader should know besides."""
        notes = []
        if self._idle:
            advice = "pass `tfsparse.UpdatePruning()` to `fit`"
            notes.append(f"{_listed(self._idle)}: the schedule never ran; {advice}")
        if self._idle_tfmot:
            notes.append(f"{_listed(self._idle_tfmot)}: TFMOT has not pruned anything yet")
        if self._is_global:
            notes.append("global scope: the target is that of all these kernels together")
        if any(kernel.source == "found" for kernel in self.kernels):
            notes.append("found: no mask holds these zeros; a pattern is read off them")
        return tuple(notes)

    def _visit_wrapped(self, wrapper: Any, path: str) -> None:
        if wrapper.pruning is None:
            self.skipped[path] = _NOT_BUILT
            return
        for kernel in wrapper.pruning.kernels:
            if adaptation(kernel.owner) is not None:  # since: the kernel is no more
                continue
            self._masked |= {id(kernel.owner), id(kernel.holder)}
            own = kernel.owner is wrapper.layer and kernel.path == wrapper.layer.name
            name = path if own else _joined(path, kernel.path)
            schedule = kernel.settings.schedule
            self._is_global |= kernel.settings.scope.is_global
            target = None if schedule.locks else schedule.target
            values = kernel.masked_values()
            self._add(name, values, kernel.view, kernel.pattern, target, "tfsparse")
        if not wrapper.pruning.has_run:
            self._idle.append(path)
        visit = self.visit if is_kernel_owner(wrapper.layer) else self._visit_children
        visit(wrapper.layer, path)

    def _visit_inside(self, layer: Any, path: str) -> None:
        kernels, skipped = len(self.kernels), set(self.skipped)
        self._visit_children(layer, path)
        new = set(self.skipped) - skipped
        # Attention that is not pruned is one line of the report rather than four.
        if (
            len(new) > 1
            and len(self.kernels) == kernels
            and {self.skipped[name] for name in new} == {_NOT_PRUNED}
            and not isinstance(layer, binding_of(layer).model_class)
        ):
            self.skipped = {n: reason for n, reason in self.skipped.items() if n not in new}
            self.skipped[path] = _NOT_PRUNED

    def _visit_children(self, layer: Any, path: str) -> None:
        inside = children(layer)
        for kernel in own_weights(layer, inside):
            if kernel.is_sparse:
                self._add_plain(kernel, path)
            else:
                self.skipped[_joined(path, kernel.name)] = refusal(layer) or _OWN_WEIGHT
        for child in inside:
            self.visit(child, _joined(path, child.name))

    def _visit_tfmot(self, wrapper: Any, path: str) -> None:
        if not wrapper.built:
            self.skipped[path] = _NOT_BUILT
            return
        for kernel in tfmot_kernels(wrapper):
            name = _joined(path, kernel.path)
            self._add(
                name, kernel.values, kernel.view, kernel.pattern, kernel.target, kernel.source
            )
        if never_pruned(wrapper):
            self._idle_tfmot.append(path)

    def _visit_plain(self, layer: Any, path: str) -> None:
        """A layer that owns a kernel or cannot be pruned, without a mask."""
        # The kernel that the caller asks for by naming a pattern is that of a product.
        wanted = self._pattern is not None and (is_kernel_owner(layer) or is_registered(layer))
        found = [kernel for kernel in plain_kernels(layer) if wanted or kernel.is_sparse]
        for kernel in found:
            self._add_plain(kernel, path)
        if not found:
            self.skipped[path] = refusal(layer) or _NOT_PRUNED
        if is_registered(layer):
            self._visit_children(layer, path)

    def _add_plain(self, kernel: PlainKernel, path: str) -> None:
        source = "found" if kernel.is_sparse else "dense"
        self._add(_joined(path, kernel.name), kernel.values, kernel.view, None, None, source)

    def _add(
        self,
        name: str,
        values: np.ndarray,
        view: KernelView,
        pattern: Pattern | None,
        target: float | None,
        source: str,
    ) -> None:
        chosen = self._pattern or pattern
        self.kernels.append(measure(name, values, view, chosen, target, source))


def _joined(path: str, name: str) -> str:
    return "/".join(filter(None, [path, name]))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _is_refused(layer: Any) -> bool:
    """Whether a layer may not be pruned for what it is, not for what is inside it."""
    reason = refusal(layer)
    return reason is not None and reason in {inner for _, inner in skipped(layer)}
