"""The result of `sensitivity`: a table, a plot, and settings for `prune_block`."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from tfsparse.pruning.report.plot import save_figure

# Metrics of which more is better, as Keras's own callbacks tell them.
_RISING = ("acc", "auc", "precision", "recall", "f1", "fmeasure")
_NAME_WIDTH = 0.085


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """The model with one kernel pruned.

    Attributes:
        kernel: Path of the kernel's layer in the model.
        pattern: Pattern, as ``"4x1"``.
        sparsity: Sparsity that was asked for.
        actual_sparsity: Zero elements over all elements of the kernel.
        metrics: What the evaluation returned, by name.
    """

    kernel: str
    pattern: str
    sparsity: float
    actual_sparsity: float
    metrics: dict[str, float]


@dataclasses.dataclass(frozen=True)
class SensitivityReport:
    """Result of `tfsparse.sensitivity`; prints as a table.

    Attributes:
        rows: The model with each kernel pruned, for each pattern and sparsity.
        baseline: Metrics of the model as it is.

    Example:

    >>> model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="digit")])
    >>> zeros = lambda model: {"zeros": np.mean(model.get_weights()[0] == 0)}
    >>> print(tfsparse.sensitivity(model, zeros, sparsities=[0.5, 0.75], verbose=0))
    zeros; 0.0000 with nothing pruned
    kernel  pattern     50%     75%
    digit   4x1      0.5000  0.7500
    """

    rows: tuple[Sensitivity, ...]
    baseline: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        return {"baseline": dict(self.baseline), "rows": [dataclasses.asdict(r) for r in self.rows]}

    def __str__(self) -> str:
        return self.table()

    def table(self, metric: str | None = None) -> str:
        """One metric, a line for each kernel and pattern, a column for each sparsity.

        Args:
            metric: Name of a metric; by default the first that is not the loss, if
                there is one.

        Returns:
            Lines of text, without a line break at the end.

        Raises:
            ValueError: If there is no such metric.
        """
        metric = self._metric(metric)
        sparsities = sorted({row.sparsity for row in self.rows})
        heads = ["kernel", "pattern", *(f"{sparsity:.4g}%" for sparsity in _percent(sparsities))]
        lines = [heads]
        for (kernel, pattern), values in self._curves(metric).items():
            cells = [f"{values[s]:.4f}" if s in values else "" for s in sparsities]
            lines.append([kernel, pattern, *cells])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [f"{metric}; {self.baseline[metric]:.4f} with nothing pruned"]
        for line in lines:
            cells = [
                cell.ljust(width) if column < 2 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            text.append("  ".join(cells).rstrip())
        return "\n".join(text)

    def suggest(
        self, max_loss: float, metric: str | None = None, mode: str = "auto"
    ) -> dict[str, dict[str, Any] | None]:
        """The greatest sparsity of each kernel that costs little by itself.

        Kernels that are pruned together cost more than each of them alone, and
        training wins some of it back: take it as a beginning.

        Args:
            max_loss: How much worse than the baseline the metric may be, in the
                metric's own unit.
            metric: Name of a metric, as in `table`.
            mode: Whether ``"min"`` or ``"max"`` of it is better. ``"auto"`` takes
                ``"max"`` for accuracies, areas, precisions and recalls.

        Returns:
            Settings of each kernel, for `overrides` of `tfsparse.prune_block`: its
            sparsest pattern; None for a kernel that should be left as it is.

        Raises:
            ValueError: If an argument is wrong, or if the metric is what a
                function returned and `mode` does not say which is better.
        """
        metric = self._metric(metric)
        sign = _sign(metric, mode)
        best: dict[str, Sensitivity | None] = {row.kernel: None for row in self.rows}
        for row in self.rows:
            lost = sign * (row.metrics[metric] - self.baseline[metric])
            known = best[row.kernel]
            if lost <= max_loss and (known is None or row.sparsity > known.sparsity):
                best[row.kernel] = row
        return {
            kernel: None if row is None else {"pattern": row.pattern, "schedule": row.sparsity}
            for kernel, row in best.items()
        }

    def plot(self, path: str | os.PathLike[str] | None = None, metric: str | None = None) -> Any:
        """Draws a metric against sparsity, a curve for each kernel, a panel for each pattern.

        Args:
            path: File to write, whole or not at all; its ending names the format.
            metric: Name of a metric, as in `table`.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ImportError: If Matplotlib is not installed.
            ValueError: If there is no such metric.
        """
        figure = _figure(self, self._metric(metric))
        if path is not None:
            save_figure(figure, path)
        return figure

    def _metric(self, metric: str | None) -> str:
        if metric is None:
            return next((name for name in self.baseline if name != "loss"), "loss")
        if metric not in self.baseline:
            raise ValueError(
                f"`metric` should be one of {list(self.baseline)}. Received: metric={metric!r}"
            )
        return metric

    def _curves(self, metric: str) -> dict[tuple[str, str], dict[float, float]]:
        """Metric by sparsity, of each kernel and pattern."""
        curves: dict[tuple[str, str], dict[float, float]] = {}
        for row in self.rows:
            curves.setdefault((row.kernel, row.pattern), {})[row.sparsity] = row.metrics[metric]
        return curves


def _percent(shares: list[float]) -> list[float]:
    return [100 * share for share in shares]


def _sign(metric: str, mode: str) -> float:
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"`mode` should be 'auto', 'min' or 'max'. Received: mode={mode!r}")
    if mode == "auto":
        if metric == "score":
            raise ValueError(
                "`mode` should say whether 'min' or 'max' is better of what a function returned. "
                "Received: mode='auto'"
            )
        mode = "max" if any(part in metric.lower() for part in _RISING) else "min"
    return 1.0 if mode == "min" else -1.0


def _figure(report: SensitivityReport, metric: str) -> Any:
    try:
        from matplotlib import colormaps
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "`plot` should be called where Matplotlib is installed (`pip install matplotlib`)"
        ) from error
    patterns = list(dict.fromkeys(row.pattern for row in report.rows))
    kernels = list(dict.fromkeys(row.kernel for row in report.rows))
    names = _NAME_WIDTH * max(map(len, kernels)) + 0.8
    height = max(3.5, 0.19 * len(kernels) + 0.9)
    figure = Figure(figsize=(4.5 * len(patterns) + names, height), layout="constrained")
    panels = figure.subplots(1, len(patterns), sharey=True, squeeze=False)[0]
    # Dashes tell neighbours apart where there are more kernels than colours.
    styles = ("-", "--", ":")
    colours = [colormaps["tab10"](number) for number in range(10)]
    for panel, pattern in zip(panels, patterns, strict=True):
        for number, kernel in enumerate(kernels):
            curve = report._curves(metric).get((kernel, pattern), {})
            points = sorted({0.0: report.baseline[metric], **curve}.items())
            panel.plot(
                [100 * sparsity for sparsity, _ in points],
                [value for _, value in points],
                styles[number // len(colours) % len(styles)],
                marker=".",
                color=colours[number % len(colours)],
                label=kernel,
            )
        panel.axhline(report.baseline[metric], color="0.7", linewidth=0.8, zorder=0)
        panel.set_title(pattern)
        panel.set_xlabel("sparsity of the one kernel, %")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(metric)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize="small", frameon=False)
    return figure
