"""`SparsityReport`: the kernels of a model, measured; as text, data, HTML or plot."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from tfsparse.pattern import Pattern, parse_pattern
from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.report.collecting import Collector
from tfsparse.pruning.report.kernel_sparsity import KernelSparsity
from tfsparse.pruning.report.page import report_fragment, report_page
from tfsparse.pruning.report.plot import report_figure, save_figure
from tfsparse.pruning.report.text import report_text
from tfsparse.pruning.report.whole_file import write_whole


@dataclasses.dataclass(frozen=True)
class SparsityReport:
    """Result of `tfsparse.sparsity_report`; prints as a table, shows itself in notebooks.

    Attributes:
        kernels: The kernels that are pruned, or in fact sparse.
        skipped: Name of each other layer with a kernel, and the reason.
        notes: What the reader should know besides.
        name: Name of the model, empty for a list of layers.

    Example:

    >>> layer = keras.layers.Dense(4, name="out")
    >>> layer.build((None, 8))
    >>> report = tfsparse.sparsity_report(layer, pattern="4x1")
    >>> report.total_sparsity, report.total_bytes
    (0.0, 128)
    >>> report.as_dict()["kernels"][0]["layer"]
    'out'
    """

    kernels: tuple[KernelSparsity, ...]
    skipped: dict[str, str]
    notes: tuple[str, ...] = ()
    name: str = ""

    @property
    def total_sparsity(self) -> float:
        """Zero elements over all elements of the kernels."""
        zeros = sum(kernel.element_sparsity * kernel.elements for kernel in self.kernels)
        return zeros / max(1, sum(kernel.elements for kernel in self.kernels))

    @property
    def total_bytes(self) -> int:
        """Size of the kernels as they are stored, in bytes."""
        return sum(kernel.bytes for kernel in self.kernels)

    @property
    def total_packed_bytes(self) -> int:
        """Size of the kernels with their all-zero blocks left out, in bytes."""
        return sum(kernel.packed_bytes for kernel in self.kernels)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON data, without the pictures.

        Returns:
            ``{"kernels": [{"layer": ..., ...}, ...], "skipped": {...}, "notes": [...],
            "total_sparsity": ..., "total_bytes": ..., "total_packed_bytes": ...}``,
            a kernel with the attributes of `KernelSparsity`.
        """
        fields = [field.name for field in dataclasses.fields(KernelSparsity)]
        rows = [
            {name: getattr(kernel, name) for name in fields if name != "picture"}
            for kernel in self.kernels
        ]
        return {
            "kernels": [{**row, "shape": list(row["shape"])} for row in rows],
            "skipped": dict(self.skipped),
            "notes": list(self.notes),
            "total_sparsity": self.total_sparsity,
            "total_bytes": self.total_bytes,
            "total_packed_bytes": self.total_packed_bytes,
        }

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Writes the report as a web page with a picture of every mask.

        The page is one file that loads nothing else, and is written whole or not
        at all.

        Args:
            path: File to write, replaced if it is there.

        Example:

        >>> layer = keras.layers.Dense(4, name="out")
        >>> layer.build((None, 8))
        >>> report = tfsparse.sparsity_report(layer, pattern="4x1")
        >>> report.to_html("report.html")
        >>> open("report.html").read()[:15]
        '<!doctype html>'
        """
        write_whole(path, report_page(self).encode())

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draws the report with Matplotlib: sparsity against target, and every mask.

        Args:
            path: Picture file to write, its format read off its ending, such as
                ``"report.png"`` or ``"report.pdf"``; None to write none.

        Returns:
            The `matplotlib.figure.Figure`.

        Raises:
            ImportError: If Matplotlib is not installed.
            ValueError: If there is no kernel to draw.

        Example:

        >>> layer = keras.layers.Dense(4, name="out")
        >>> layer.build((None, 8))
        >>> report = tfsparse.sparsity_report(layer, pattern="4x1")
        >>> len(report.plot("report.png").axes)  # the bars and one mask
        2
        """
        figure = report_figure(self)
        if path is not None:
            save_figure(figure, path)
        return figure

    def _repr_html_(self) -> str:
        return report_fragment(self)

    def __str__(self) -> str:
        return report_text(self)


def sparsity_report(layer: Any, pattern: str | Pattern | None = None) -> SparsityReport:
    """Looks at the sparsity of a model, pruned by us, by TFMOT, or found so.

    Kernels under a mask are measured through it, against the pattern of the
    mask. Kernels without one are reported where they are sparse, as after
    `tfsparse.strip_pruning` or loading; the pattern is then read off the zeros.

    Args:
        layer: A model or layer of Keras 3 or tf_keras, or a list of layers.
        pattern: Pattern to measure against instead, such as ``"16x4"``, ``"2:4"``
            or ``"channel"``; every kernel that could be pruned is then reported,
            a dense one too.

    Returns:
        A `SparsityReport`: ``print`` it for a table, or take ``as_dict()``,
        ``to_html(path)`` or ``plot(path)``.

    Raises:
        ValueError: If `layer` is no layer, or `pattern` no pattern.

    Example:

    >>> layers = [keras.layers.Dense(32, name="hidden"), keras.layers.Dense(10, name="digit")]
    >>> model = keras.Sequential([keras.Input((64,)), *layers])
    >>> pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.75), exclude=["digit"])
    >>> print(tfsparse.sparsity_report(pruned))
    layer   pattern  shape     target  elements  blocks     size   packed
    hidden  4x1      (64, 32)  75.00%    75.00%  75.00%  8.0 KiB  2.5 KiB
    total sparsity of these kernels: 75.00%; 8.0 KiB, 2.5 KiB packed
    skipped:
      digit  not passed to `prune_block`, or excluded
    >>> plain = tfsparse.strip_pruning(pruned)
    >>> report = tfsparse.sparsity_report(plain, pattern="2x1")
    >>> [(kernel.layer, kernel.block_sparsity) for kernel in report.kernels]
    [('hidden', 0.75), ('digit', 0.0)]
    """
    many = isinstance(layer, list | tuple)
    collector = Collector(None if pattern is None else parse_pattern(pattern))
    name = ""
    for one in layer if many else [layer]:
        if isinstance(one, binding_of(one).model_class) and not many:
            name = layer.name
        collector.visit(one, "" if name else one.name)
    return SparsityReport(tuple(collector.kernels), collector.skipped, collector.notes(), name)
