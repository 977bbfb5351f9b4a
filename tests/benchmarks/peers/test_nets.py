"""Networks have the zeros that they are said to have."""

import numpy as np
import pytest

from benchmarks.peers.nets import (
    NETS,
    Net,
    Sparsity,
    activations,
    random_inputs,
    random_layers,
    random_mask,
)

NET = Net("small", (24, 32, 16, 1), (1,))


@pytest.mark.parametrize(
    ("text", "pattern", "share"), [("dense", "dense", 0.0), ("4x1@0.9", "4x1", 0.9)]
)
def test_sparsities_are_read_and_written(text, pattern, share):
    sparsity = Sparsity.parse(text)
    assert (sparsity.pattern, sparsity.share, str(sparsity)) == (pattern, share, text)


@pytest.mark.parametrize("text", ["4x1", "4by1@0.9", "4x1@1", "4x1@0", "4x1@nan", "2:4@0.5", ""])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="should be 'dense' or 'AxB@SHARE'"):
        Sparsity.parse(text)


@pytest.mark.parametrize(("pattern", "out", "in_"), [("4x1", 4, 1), ("16x4", 16, 4), ("2x8", 2, 8)])
def test_blocks_are_whole_and_exactly_as_many_as_asked(pattern, out, in_):
    kept = random_mask(np.random.default_rng(0), 64, 96, Sparsity(pattern, 0.9))
    blocks = (
        kept.T.reshape(96 // out, out, 64 // in_, in_).transpose(0, 2, 1, 3).reshape(-1, out * in_)
    )
    assert (blocks.all(axis=1) | ~blocks.any(axis=1)).all()
    assert (~blocks.any(axis=1)).sum() == round(0.9 * len(blocks))


def test_sizes_that_the_block_does_not_divide_are_cut():
    kept = random_mask(np.random.default_rng(0), 7, 18, Sparsity("16x4", 0.5))
    assert kept.shape == (7, 18) and 0 < kept.mean() < 1


def test_a_layer_narrower_than_a_block_stays_dense():
    layers = random_layers(NET, Sparsity("4x1", 0.75), seed=0)
    zeros = [float(np.mean(layer.kernel == 0)) for layer in layers]
    assert zeros == [0.75, 0.75, 0.0]


def test_a_seed_gives_one_network():
    first, again, other = (random_layers(NET, Sparsity("4x1", 0.5), seed) for seed in (1, 1, 2))
    assert all((a.kernel == b.kernel).all() for a, b in zip(first, again, strict=True))
    assert (first[0].kernel != other[0].kernel).any()
    assert (random_inputs(NET, 4, 1) == random_inputs(NET, 4, 1)).all()


def test_activations_are_those_of_the_network():
    layers = random_layers(NET, Sparsity("dense"), seed=0)
    x = random_inputs(NET, 5, seed=0)
    values = activations(layers, x)
    y = x
    for layer in layers[:-1]:
        y = np.maximum(y @ layer.kernel + layer.bias, 0)
    np.testing.assert_allclose(values[-1], y @ layers[-1].kernel + layers[-1].bias, atol=1e-4)
    assert [value.shape for value in values] == [(5, size) for size in NET.sizes]
    assert values[-1].min() < 0 <= min(value.min() for value in values[:-1])


def test_the_networks_are_the_ones_in_the_contract():
    assert {net.name: str(net) for net in NETS.values()} == {
        "dlrm": "480-1024-1024-512-256-1",
        "ffn256": "256-1024-256",
        "ffn1024": "1024-4096-1024",
    }
