"""The result of `sensitivity`: a table, a plot, and settings for `prune_block`."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from tfsparse.pruning.report.plot import save_figure
from tfsparse.pruning.sensitivity_choice import (
    Sensitivity,
    check_predicted,
    fastest_enough,
    sparsest,
)
from tfsparse.pruning.sensitivity_figure import sensitivity_figure

# Metrics of which more is better, as Keras's own callbacks tell them.
_RISING = ("acc", "auc", "precision", "recall", "f1", "fmeasure")


@dataclasses.dataclass(frozen=True)
class SensitivityReport:
    """Result of `tfsparse.sensitivity`; prints as a table.

    Attributes:
        rows: The model with each kernel pruned, for each pattern and sparsity.
        baseline: Metrics of the model as it is.
        speedup: Predicted speed-up by converting the model as it is; None if speed-ups were
            not asked for.
        goal: The speed-up that is to be reached, or None.

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
    speedup: float | None = None
    goal: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        return {**dataclasses.asdict(self), "rows": [dataclasses.asdict(r) for r in self.rows]}

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
        self,
        max_loss: float | None = None,
        metric: str | None = None,
        mode: str = "auto",
        speedup: float | None = None,
    ) -> dict[str, dict[str, Any] | None]:
        """Settings for each kernel: the sparsest within a loss, or the best that reach a speed-up.

        A loss is that of one kernel pruned alone. Kernels that are pruned together
        lose more, and training recovers some of it: take the settings as a start.

        Args:
            max_loss: How much worse than the baseline the metric may be, in the
                metric's own unit.
            metric: Name of a metric, as in `table`.
            mode: Whether ``"min"`` or ``"max"`` of it is better. ``"auto"`` takes
                ``"max"`` for accuracies, areas, precisions and recalls.
            speedup: In the place of `max_loss`: the predicted speed-up to reach, with the least
                sum of losses; by default that which `tfsparse.sensitivity` was asked for.

        Returns:
            Settings of each kernel, for `overrides` of `tfsparse.prune_block` and
            `tfsparse.prune_one_shot`; None for a kernel that should be left as it is.

        Raises:
            ValueError: If an argument is wrong, if a speed-up cannot be reached or was not asked
                for, or if the metric is what a function returned and `mode` does not say which
                is better.

        Example:

        >>> model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="digit")])
        >>> zeros = lambda model: {"zeros": np.mean(model.get_weights()[0] == 0)}
        >>> report = tfsparse.sensitivity(model, zeros, sparsities=[0.5, 0.75], verbose=0)
        >>> report.suggest(max_loss=0.6)
        {'digit': {'pattern': '4x1', 'schedule': 0.5}}
        """
        metric = self._metric(metric)
        sign = _sign(metric, mode)
        lost = [(row, sign * (row.metrics[metric] - self.baseline[metric])) for row in self.rows]
        if max_loss is None:
            best = fastest_enough(lost, self.speedup, self.goal if speedup is None else speedup)
        elif speedup is None:
            best = sparsest(lost, max_loss)
        else:
            raise ValueError(
                "`max_loss` or `speedup` should be given, and not both. "
                f"Received: max_loss={max_loss}, speedup={speedup}"
            )
        return {
            kernel: None if row is None else {"pattern": row.pattern, "schedule": row.sparsity}
            for kernel, row in best.items()
        }

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        metric: str | None = None,
        against: str = "sparsity",
    ) -> Any:
        """Draws a metric, a curve for each kernel, a panel for each pattern.

        Args:
            path: File to write, whole or not at all; its ending names the format.
            metric: Name of a metric, as in `table`.
            against: ``"sparsity"`` of the one kernel, or the predicted ``"speedup"`` of the model.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ImportError: If Matplotlib is not installed.
            ValueError: If there is no such metric, or no speed-up was predicted.
        """
        metric = self._metric(metric)
        if against not in ("sparsity", "speedup"):
            raise ValueError(
                f"`against` should be 'sparsity' or 'speedup'. Received: against={against!r}"
            )
        origin = 0.0 if against == "sparsity" else check_predicted(self.speedup)
        curves: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for row in self.rows:
            place = row.sparsity if against == "sparsity" else check_predicted(row.speedup)
            points = curves.setdefault((row.kernel, row.pattern), [])
            points.append((place, row.metrics[metric]))
        figure = sensitivity_figure(curves, metric, self.baseline[metric], against, origin)
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
