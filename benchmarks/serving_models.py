"""Exports the models that `bench_serving` times: DLRM's top perceptron in INT8.

    python -m benchmarks.serving_models FOLDER

writes the SavedModels and `models.txt`, a line for each: its folder, pattern, sparsity, and the
graph elements of its input and output. Weights are random at an exact block sparsity, as those of
`benchmarks.peers`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.peers.case import CALIBRATION_ROWS, write_saved_models
from benchmarks.peers.nets import NETS, Net, Sparsity, random_inputs, random_layers

SPARSITIES = ("16x4@0.85", "4x1@0.9")


def write(folder: Path, net: Net = NETS["dlrm"]) -> None:
    """Writes a SavedModel for each of `SPARSITIES`, and the list of them last.

    Args:
        folder: Is replaced if it is there.
        net: The network.
    """
    shutil.rmtree(folder, ignore_errors=True)
    lines = []
    for sparsity in map(Sparsity.parse, SPARSITIES):
        case = folder / sparsity.pattern
        case.mkdir(parents=True)
        calibration = random_inputs(net, CALIBRATION_ROWS, seed=2)
        write_saved_models(random_layers(net, sparsity, seed=1), calibration, ("int8",), case)
        elements = (case / "int8/elements.txt").read_text().strip()
        lines.append(f"{sparsity.pattern}/int8 {sparsity.pattern} {sparsity.share:g} {elements}\n")
    (folder / "models.txt").write_text("".join(lines))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
