import numpy as np
import pytest

from tfsparse.pruning.one_shot.least_squares import compensated

from .problems import direct, error, hessian, weights


@pytest.mark.parametrize("gone", [0, 3, 9, 12])
def test_weights_are_those_of_a_direct_solve(gone):
    rows, height, inputs = 4, 3, 12
    rng = np.random.default_rng(0)
    kept = np.ones((rows, inputs), bool)
    for row in kept:
        row[rng.permutation(inputs)[:gone]] = False
    old, moments = weights(rows, height, inputs), hessian(inputs, 5)
    new = compensated(old, moments, np.linalg.inv(moments), kept)
    for row in range(rows):
        stays = np.broadcast_to(kept[row], (height, inputs))
        np.testing.assert_allclose(new[row], direct(old[row], moments, stays), atol=1e-8)
        assert not new[row][~stays].any()
        assert error(old[row], new[row], moments) <= error(old[row], old[row] * stays, moments)
