import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.pattern import (
    BlockPattern,
    ChannelPattern,
    KernelView,
    NMPattern,
    parse_pattern,
    to_blocks,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("4x1", BlockPattern(4, 1)),
        ("16x4", BlockPattern(out=16, in_=4)),
        ("1x1", BlockPattern(1, 1)),
        ("2:4", NMPattern(2, 4)),
        ("1:16", NMPattern(keep=1, of=16)),
        ("channel", ChannelPattern()),
    ],
)
def test_patterns_are_read_and_written(text, pattern):
    assert parse_pattern(text) == pattern == parse_pattern(pattern)
    assert str(pattern) == text


@pytest.mark.parametrize(
    "text", ["", "4", "4x", "x1", "0x1", "4x0", "04x1", "4X1", "4x1 ", "4:2", "4:4", "0:4", "-1x1",
             "row", 4, None, (4, 1)]
)  # fmt: skip
def test_what_is_no_pattern_is_named(text):
    with pytest.raises(ValueError, match="`pattern` should be 'AxB'"):
        parse_pattern(text)


@pytest.mark.parametrize("sizes", [(0, 1), (1, -1), (1.0, 1), ("4", 1)])
def test_sizes_of_a_block_are_positive_integers(sizes):
    with pytest.raises(ValueError, match="should be positive integers"):
        BlockPattern(*sizes)


@pytest.mark.parametrize("sizes", [(0, 4), (4, 4), (5, 4), (2.0, 4)])
def test_keep_is_less_than_of(sizes):
    with pytest.raises(ValueError, match="1 <= keep < of"):
        NMPattern(*sizes)


def test_what_a_flag_covers():
    assert BlockPattern(4, 2).flag_block((8, 27)) == BlockPattern(4, 2)
    assert NMPattern(2, 4).flag_block((8, 27)) == BlockPattern(1, 1)
    assert ChannelPattern().flag_block((8, 27)) == BlockPattern(1, 27)
    assert BlockPattern(4, 2).grid((9, 27)) == (3, 14)
    assert NMPattern(1, 4).sparsity == 0.75


def test_dense_is_transposed():
    kernel = RNG.random((3, 5))
    view = KernelView.of_dense((3, 5))
    assert (view.groups, view.matrix_shape) == (1, (5, 3))
    np.testing.assert_array_equal(view.to_matrices(kernel), kernel.T[None])


@pytest.mark.parametrize("window", [(3,), (3, 2), (2, 3, 2)])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_a_convolution_is_its_product_with_patches(window, groups):
    inputs, outputs = 4, 6
    kernel = RNG.random((*window, inputs, outputs))
    view = KernelView.of_convolution(kernel.shape, groups)
    depth = int(np.prod(window)) * inputs
    assert (view.groups, view.matrix_shape) == (groups, (outputs // groups, depth))
    patch = RNG.random((groups, depth))
    expected = np.concatenate([
        kernel.reshape(depth, outputs)[:, g * outputs // groups : (g + 1) * outputs // groups].T
        @ patch[g]
        for g in range(groups)
    ])  # fmt: skip
    products = np.einsum("goi,gi->go", view.to_matrices(kernel), patch)
    np.testing.assert_allclose(products.reshape(-1), expected, rtol=1e-12)


EQUATIONS = [
    ("ab,bc->ac", (5, 6), 1, (6, 5)),
    ("abc,cde->abde", (4, 2, 3), 1, (6, 4)),
    ("abde,dec->abc", (2, 3, 4), 1, (4, 6)),
    ("...x,xy->...y", (4, 6), 1, (6, 4)),
    ("bhi,hio->bho", (3, 4, 6), 3, (6, 4)),
    ("bhi,oih->bho", (6, 4, 3), 3, (6, 4)),
    ("abcd,ecdf->abef", (3, 2, 4, 5), 1, (15, 8)),
]


@pytest.mark.parametrize(("equation", "shape", "groups", "matrix"), EQUATIONS)
def test_an_einsum_is_its_matrices_times_what_is_summed(equation, shape, groups, matrix):
    view = KernelView.of_einsum(equation, shape)
    assert (view.groups, view.matrix_shape) == (groups, matrix)
    # Zeroing a row of a matrix zeroes one output per group, and nothing else.
    operand, letters = equation.partition(",")[0], equation.partition(",")[2].partition("->")[0]
    sizes = dict(zip(letters, shape, strict=True))
    inputs = RNG.random([sizes.get(letter, 2) for letter in operand.replace("...", "z")])
    kernel = RNG.random(shape)
    whole = tf.einsum(equation, inputs, kernel).numpy()
    matrices = view.to_matrices(kernel).copy()
    matrices[0, 0] = 0
    zeroed = tf.einsum(equation, inputs, view.from_matrices(matrices)).numpy()
    share = 1 / (groups * matrix[0])
    assert np.mean(zeroed == 0) == pytest.approx(share)
    np.testing.assert_array_equal(zeroed[zeroed != 0], whole[zeroed != 0])


VIEWS = [
    KernelView.of_dense((3, 5)),
    *(
        KernelView.of_convolution((*window, 4, 6), groups)
        for window, groups in itertools.product([(3,), (3, 2), (2, 3, 2)], [1, 2, 6])
    ),
    *(KernelView.of_einsum(equation, shape) for equation, shape, _, _ in EQUATIONS),
]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_matrices_give_the_kernel_back(view):
    kernel = RNG.random(view.shape)
    matrices = view.to_matrices(kernel)
    assert matrices.shape == (view.groups, *view.matrix_shape)
    assert sorted(matrices.reshape(-1)) == sorted(kernel.reshape(-1))
    np.testing.assert_array_equal(view.from_matrices(matrices), kernel)


@pytest.mark.parametrize("groups", [0, -1, 4, 5])
def test_groups_divide_the_output_channels(groups):
    with pytest.raises(ValueError, match=f"`groups` should divide.*groups={groups}"):
        KernelView.of_convolution((3, 3, 4, 6), groups)


@pytest.mark.parametrize(
    ("equation", "shape"),
    [
        ("ab,bc", (2, 3)),
        ("ab->ab", (2, 3)),
        ("ab,bc->ac", (2, 3, 4)),
        ("ab,bcd->ac", (2, 3, 4)),
        ("...a,...ab->...b", (2, 3)),
    ],
)
def test_equations_that_are_no_product_are_named(equation, shape):
    with pytest.raises(ValueError, match="`equation` should be"):
        KernelView.of_einsum(equation, shape)


def test_views_name_every_axis_once():
    with pytest.raises(ValueError, match="name every axis once"):
        KernelView((3, 4), out_axes=(1,), in_axes=(1,))
    with pytest.raises(ValueError, match="name every axis once"):
        KernelView((3, 4, 5), out_axes=(1,), in_axes=(0,))
    with pytest.raises(ValueError, match="a split of `shape`"):
        KernelView((3, 4), out_axes=(1,), in_axes=(0,), group_axes=(2,), factors=(3, 2, 3))


def test_blocks_are_cut_and_padded_at_the_end():
    matrix = np.arange(1, 16).reshape(3, 5)
    blocks = to_blocks(matrix, BlockPattern(2, 3))
    assert blocks.shape == (2, 2, 2, 3)
    assert blocks[0, 0].tolist() == [[1, 2, 3], [6, 7, 8]]
    assert blocks[1, 1].tolist() == [[14, 15, 0], [0, 0, 0]]
    stacked = to_blocks(np.stack([matrix, -matrix]), BlockPattern(2, 3))
    np.testing.assert_array_equal(stacked, np.stack([blocks, -blocks]))
