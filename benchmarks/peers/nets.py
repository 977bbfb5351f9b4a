"""The networks: perceptrons with random weights of a block pattern at an exact sparsity.

Speed does not depend on what the weights are, only on where the zeros are, so nothing is
trained. Blocks are dropped at random places, the count rounded once; a layer with fewer outputs
than a block is tall stays dense, as a user would leave it. Weights are scaled so that
activations keep their size from layer to layer. Inputs are not negative, so that u8 has zero
point 0 everywhere, the case that every engine has its best kernels for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from benchmarks.harness.sparsity import Sparsity
from tfsparse.pattern import BlockPattern, parse_pattern


@dataclasses.dataclass(frozen=True)
class Net:
    """Sizes of a perceptron with ReLU between its layers.

    Attributes:
        name: As in the table.
        sizes: Features of the input and of each layer's output.
        batches: Rows to time by default.
    """

    name: str
    sizes: tuple[int, ...]
    batches: tuple[int, ...]

    def __str__(self) -> str:
        return "-".join(map(str, self.sizes))


NETS = {
    net.name: net
    for net in (
        Net("dlrm", (480, 1024, 1024, 512, 256, 1), (1, 64, 2048)),
        Net("ffn256", (256, 1024, 256), (128, 3072)),
        Net("ffn1024", (1024, 4096, 1024), (128, 3072)),
    )
}


@dataclasses.dataclass(frozen=True)
class Layer:
    """A kernel ``(in, out)`` and a bias ``(out,)``, float32."""

    kernel: np.ndarray
    bias: np.ndarray


def random_layers(net: Net, sparsity: Sparsity, seed: int) -> list[Layer]:
    """Draws the layers of a network; the same seed gives the same."""
    rng = np.random.default_rng([seed, *net.sizes])
    layers = []
    for inputs, outputs in zip(net.sizes, net.sizes[1:], strict=False):
        kept = random_mask(rng, inputs, outputs, sparsity)
        spread = np.sqrt(2.0 / (inputs * kept.mean()))
        kernel = np.where(kept, rng.normal(0, spread, (inputs, outputs)), 0).astype(np.float32)
        layers.append(Layer(kernel, rng.normal(0, 0.1, outputs).astype(np.float32)))
    return layers


def random_mask(
    rng: np.random.Generator, inputs: int, outputs: int, sparsity: Sparsity
) -> np.ndarray:
    """Flags ``(in, out)`` of the weights that are kept, in whole blocks."""
    kept = np.ones((inputs, outputs), bool)
    if sparsity.pattern == "dense":
        return kept
    block = parse_pattern(sparsity.pattern)
    assert isinstance(block, BlockPattern)
    if outputs < block.out:
        return kept
    rows, columns = block.grid((outputs, inputs))
    flags = np.ones(rows * columns, bool)
    flags[rng.permutation(flags.size)[: round(sparsity.share * flags.size)]] = False
    tall = np.repeat(flags.reshape(rows, columns), block.out, axis=0)
    return np.repeat(tall, block.in_, axis=1)[:outputs, :inputs].T


def random_inputs(net: Net, batch: int, seed: int) -> np.ndarray:
    """A batch ``(batch, in)``, uniform in [0, 1), float32."""
    return np.random.default_rng([seed, batch]).random((batch, net.sizes[0]), np.float32)


def activations(layers: Sequence[Layer], x: np.ndarray) -> list[np.ndarray]:
    """Computes the network in float64.

    Returns:
        `x`, then what each layer gives, after its ReLU.
    """
    values = [x.astype(np.float64)]
    for index, layer in enumerate(layers):
        y = values[-1] @ layer.kernel.astype(np.float64) + layer.bias
        values.append(y if index == len(layers) - 1 else np.maximum(y, 0))
    return values
