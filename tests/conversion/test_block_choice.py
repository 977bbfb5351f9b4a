import numpy as np
import pytest

from tfsparse.conversion.block_choice import CANDIDATES, choose_block, stored_elements
from tfsparse.conversion.cost_model import dense_cost, sparse_cost
from tfsparse.pattern import BlockPattern

from .helpers import blocky, normal

ROWS = 256


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize(
    "block",
    [(32, 4), (16, 4), (8, 4), (4, 4), (16, 2), (8, 2), (4, 2), (16, 1), (8, 1), (4, 1)],
)
def test_finds_the_blocks_that_the_zeros_were_made_in(block, precision):
    matrix = blocky(512, 512, block, keep=0.1)
    assert choose_block(matrix, precision, ROWS).block == BlockPattern(*block)


def test_scattered_zeros_get_single_elements_if_there_are_enough_of_them():
    assert choose_block(blocky(512, 512, (1, 1), keep=0.02), "fp32", ROWS).block == BlockPattern(
        1, 1
    )


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_dense_weights_get_the_largest_block(precision):
    assert choose_block(normal((256, 256)), precision, ROWS).block == BlockPattern(32, 4)


def test_padding_counts_against_a_block():
    assert choose_block(normal((4, 256)), "fp32", ROWS).block == BlockPattern(4, 4)


@pytest.mark.parametrize(
    "block", [(3, 2), (16, 4), (1, 1), (5, 7), (6, 4), (2, 1), (1, 2), (64, 64), (12, 5)]
)
def test_stored_elements_counts_whole_blocks(block):
    matrix = blocky(10, 13, (2, 2), keep=0.3, seed=3)
    pattern = BlockPattern(*block)
    expected = sum(
        block[0] * block[1]
        for row in range(0, 10, block[0])
        for column in range(0, 13, block[1])
        if np.any(matrix[row : row + block[0], column : column + block[1]])
    )
    assert stored_elements(matrix, [pattern, BlockPattern(8, 4)])[pattern] == expected


def test_no_candidate_is_cheaper_than_the_choice():
    matrix = blocky(96, 130, (4, 2), keep=0.25, seed=5)
    choice = choose_block(matrix, "int8", ROWS)
    stored = stored_elements(matrix, CANDIDATES)
    costs = [sparse_cost(ROWS, (96, 130), stored[block], "int8", block) for block in CANDIDATES]
    assert choice.speedup == pytest.approx(dense_cost(ROWS, (96, 130)) / min(costs))


def test_only_the_given_candidates_are_considered():
    choice = choose_block(normal((64, 64)), "fp32", ROWS, [BlockPattern(2, 3)])
    assert choice.block == BlockPattern(2, 3)


def test_refuses_to_choose_from_nothing():
    with pytest.raises(ValueError, match="`candidates` should hold"):
        choose_block(normal((4, 4)), "fp32", ROWS, [])
