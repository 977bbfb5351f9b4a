"""How long each layer of a model would take once it is converted, for zeros that are not there yet.

Who divides sparsity among layers has to know what it brings in each of them. The model is read as a
conversion would read it; the zeros are a pattern and a share, spread evenly over a matrix.

A block CxD of ours holds a non-zero if any of the pattern's blocks in it is kept. In a random
mask of sparsity s that is the case for a share of ``1 - s^n`` of them, where n is how many blocks
of the pattern lie in one of ours; blocks that divide those of the pattern store what is kept and
no more.

Contract: the unit is that of `cost_model`. A layer that would not be converted takes as long as
it does.
"""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

from tfsparse.conversion.block_choice import CANDIDATES
from tfsparse.conversion.cost_model import dense_cost, sparse_cost
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.model_graphs import ModelGraphs
from tfsparse.conversion.passes.match import find_dense_layers
from tfsparse.conversion.planning import MIN_SPEEDUP
from tfsparse.conversion.source import load_source
from tfsparse.conversion.targets import Precision, Target, find_target
from tfsparse.pattern import BlockPattern, NMPattern, Pattern


@dataclasses.dataclass(frozen=True, eq=False)
class PredictedLayer:
    """A product or convolution of a model.

    Attributes:
        layer: Its name as the user knows it.
        found: The layer in the graph.
        precision: The precision to convert to.
        batch_size: Examples of a call.
        target: The processor that will serve.
    """

    layer: str
    found: DenseLayer
    precision: Precision
    batch_size: int
    target: Target

    @property
    def dense(self) -> float:
        """Predicted time as TensorFlow runs it in float32."""
        return dense_cost(self._rows, self._shape)

    def time(self, pattern: Pattern, sparsity: float) -> float:
        """Predicted time after a conversion.

        Args:
            pattern: Pattern of the zeros.
            sparsity: Share of zeros.
        """
        if self.found.problem is not None:
            return self.dense
        precisions = dict.fromkeys((self.precision, "fp32"))  # what INT8 does not speed up
        for precision in precisions:
            least = min(
                self._cost(block, pattern, sparsity, precision)
                for block in CANDIDATES
                if self.found.takes(block)
            )
            if self.dense >= MIN_SPEEDUP * least:
                return least
        return self.dense

    @property
    def _rows(self) -> int:
        return self.found.rows(self.batch_size)

    @property
    def _shape(self) -> tuple[int, int]:
        out, inputs = self.found.weights.shape
        return out, inputs

    def _cost(
        self, block: BlockPattern, pattern: Pattern, sparsity: float, precision: Precision
    ) -> float:
        rows, columns = block.grid(self._shape)
        kept = 1.0 - sparsity ** _blocks_in(block, pattern, self._shape)
        stored = round(kept * rows * columns * block.out * block.in_)
        geometry = self.found.geometry
        return sparse_cost(self._rows, self._shape, stored, precision, block, self.target, geometry)


def predict_layers(
    model: Any, precision: Precision = "fp32", batch_size: int = 32, target: str | None = None
) -> list[PredictedLayer]:
    """The products and convolutions of a model, one for each time that it runs one.

    Args:
        model: See `tfsparse.convert`.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        batch_size: Examples of a call where the model leaves their number open.
        target: The processor that will serve; this machine's kind by default.

    Returns:
        The layers of the model's first signature.

    Raises:
        ValueError: See `tfsparse.convert`.

    Example:

    >>> model = keras.Sequential([keras.Input((1024,)), keras.layers.Dense(1024, name="hidden")])
    >>> (layer,) = predict_layers(model, batch_size=256)
    >>> layer.layer, round(layer.dense / layer.time(BlockPattern(4, 1), 0.9), 1)
    ('hidden', 7.5)
    """
    if precision not in (known := get_args(Precision)):
        raise ValueError(f"`precision` should be one of {known}. Received: precision={precision!r}")
    processor = find_target(target)
    loaded = load_source(model)
    graphs = ModelGraphs(loaded)
    views = Views(graphs.state)
    key = next(iter(loaded.signatures))
    return [
        PredictedLayer(found.name, found, precision, batch_size, processor)
        for function in graphs.functions
        if key in function.signatures
        for graph in function.graph.all_graphs()
        for found in find_dense_layers(views.of(graph), precision != "fp32")[0]
    ]


def _blocks_in(block: BlockPattern, pattern: Pattern, shape: tuple[int, int]) -> int:
    """How many blocks of a pattern lie in one of ours, as far as they are pruned by themselves."""
    unit = BlockPattern(1, 1) if isinstance(pattern, NMPattern) else pattern.flag_block(shape)
    return -(-block.out // unit.out) * -(-block.in_ // unit.in_)
