import numpy as np
import pytest

from tfsparse.pattern import BlockPattern, KernelView, from_blocks
from tfsparse.pruning.block_mask import mask_shape
from tfsparse.pruning.mask_sparsity import mask_sparsity, pruned_elements

VIEWS = {
    "divides": KernelView.of_dense((6, 8)),
    "sticks out": KernelView.of_dense((7, 9)),
    "smaller than a block": KernelView.of_dense((1, 2)),
    "groups": KernelView.of_convolution((3, 3, 2, 10), groups=2),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize(
    "block", [BlockPattern(4, 1), BlockPattern(1, 1), BlockPattern(3, 5)], ids=str
)
def test_counts_what_the_mask_covers(view, block):
    rng = np.random.default_rng(3)
    kept = rng.random(mask_shape(view, block)) < 0.5
    spread = np.broadcast_to(kept[..., None, None], (*kept.shape, block.out, block.in_))
    covered = from_blocks(spread, view.matrix_shape)
    assert pruned_elements(kept, block, view) == np.count_nonzero(~covered)
    assert pruned_elements(np.zeros_like(kept), block, view) == np.prod(view.shape)
    assert pruned_elements(np.ones_like(kept), block, view) == 0


def test_an_empty_kernel_has_nothing_to_prune():
    view = KernelView.of_dense((0, 4))
    kept = np.ones(mask_shape(view, BlockPattern(4, 1)), bool)
    assert pruned_elements(kept, BlockPattern(4, 1), view) == 0
    assert mask_sparsity([]) == 0.0


class Kernel:
    """A kernel that is only its mask."""

    block = BlockPattern(2, 1)

    def __init__(self, shape, pruned):
        self.view = KernelView.of_dense(shape)
        self.flags = np.arange(np.prod(mask_shape(self.view, self.block))) >= pruned

    def kept(self):
        return self.flags.reshape(mask_shape(self.view, self.block))


def test_kernels_weigh_as_many_elements_as_they_have():
    assert mask_sparsity([Kernel((5, 4), 10), Kernel((5, 12), 0)]) == 20 / 80
