import pytest

from tfsparse.conversion.cost_model import (
    LEAST_DENSE_ROWS,
    LEAST_ROWS,
    PER_ACTIVATION,
    PER_CALL,
    PER_PATCH_ELEMENT,
    SHARE_OF_PEAK,
    dense_cost,
    share_of_peak,
    sparse_cost,
)
from tfsparse.conversion.geometry import Geometry
from tfsparse.pattern import BlockPattern


@pytest.mark.parametrize(
    ("precision", "better", "worse"),
    [
        ("int8", (16, 4), (16, 1)),
        ("int8", (4, 1), (2, 1)),
        ("int8", (2, 1), (1, 1)),
        ("fp32", (4, 1), (2, 1)),
        ("fp32", (2, 1), (1, 1)),
        ("bf16", (16, 2), (16, 1)),
        ("bf16", (4, 1), (2, 1)),
        ("bf16", (2, 1), (1, 1)),
    ],
)
def test_larger_blocks_run_nearer_to_peak(precision, better, worse):
    better_share = share_of_peak(precision, BlockPattern(*better))
    worse_share = share_of_peak(precision, BlockPattern(*worse))
    assert 1.0 >= better_share > worse_share > 0.0


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_every_block_shape_has_a_share(precision):
    shares = {row[1] for row in SHARE_OF_PEAK[precision]}
    for out in (1, 2, 3, 4, 5, 16, 64):
        for in_ in (1, 2, 3, 4, 8, 64):
            assert share_of_peak(precision, BlockPattern(out, in_)) in shares


def test_dense_cost_counts_multiply_adds():
    assert dense_cost(300, (50, 70)) == 300 * 50 * 70 + PER_CALL


def test_few_rows_cost_as_much_as_a_tile():
    block, shape = BlockPattern(1, 1), (512, 512)
    sparse = [sparse_cost(rows, shape, 10**6, "fp32", block) for rows in (1, LEAST_ROWS)]
    assert sparse[1] - sparse[0] == (LEAST_ROWS - 1) * 1024 * PER_ACTIVATION["fp32"]
    dense = [dense_cost(rows, shape) for rows in (1, LEAST_DENSE_ROWS, 2 * LEAST_DENSE_ROWS)]
    assert dense[0] == dense[1] < dense[2]


def test_a_single_row_of_scattered_zeros_is_not_predicted_faster():
    # Timed at 0.7 to 0.8 times the dense op's speed: 1024 x 1024, 90% zeros, 1 to 4 rows.
    shape, block = (1024, 1024), BlockPattern(1, 1)
    assert sparse_cost(1, shape, 105_000, "fp32", block) > dense_cost(1, shape) / 1.05


def test_large_products_tend_to_the_ratio_of_speeds():
    rows, shape, block = 10**6, (4096, 4096), BlockPattern(16, 4)
    stored = shape[0] * shape[1] // 5
    ratio = dense_cost(rows, shape) / sparse_cost(rows, shape, stored, "fp32", block)
    assert ratio == pytest.approx(5 * share_of_peak("fp32", block), rel=0.05)
    assert ratio < 5 * share_of_peak("fp32", block)


@pytest.mark.parametrize(("precision", "times"), [("int8", 4.0), ("bf16", 2.0)])
def test_smaller_types_are_as_many_times_float_before_overheads(precision, times):
    rows, shape, block = 10**6, (10**5, 10**5), BlockPattern(4, 4)
    stored = shape[0] * shape[1]
    fp32 = sparse_cost(rows, shape, stored, "fp32", block) * share_of_peak("fp32", block)
    other = sparse_cost(rows, shape, stored, precision, block) * share_of_peak(precision, block)
    assert fp32 / other == pytest.approx(times, rel=0.01)


def test_an_op_without_work_still_costs_its_call():
    assert sparse_cost(0, (8, 8), 0, "fp32", BlockPattern(1, 1)) == PER_CALL


def test_activations_cost_something_without_any_weights():
    block = BlockPattern(1, 1)
    costs = [sparse_cost(100, (8, depth), 0, "int8", block) for depth in (1000, 2000)]
    assert costs[1] > costs[0] > PER_CALL


def test_a_convolution_of_single_pixels_costs_what_its_product_costs():
    case = (1000, (64, 32), 500, "int8", BlockPattern(4, 1))
    assert sparse_cost(*case, geometry=Geometry((1, 1), (2, 2))) == sparse_cost(*case)


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_window_takes_pixels_in_once_and_packs_them_often(precision, groups):
    geometry = Geometry((3, 3), groups=groups)
    inputs = 9 * 32 // groups
    cost = sparse_cost(10, (64, inputs), 0, precision, BlockPattern(4, 1), geometry=geometry)
    moved = (64 + 32) * PER_ACTIVATION[precision] + 9 * 32 * PER_PATCH_ELEMENT[precision]
    assert cost == 10 * moved + PER_CALL
