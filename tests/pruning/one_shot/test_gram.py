import numpy as np

from tfsparse.pruning.one_shot.gram import Gram


def filled(x, cuts):
    gram = Gram(*x.shape[::2])
    gram.add(np.split(x.astype("float32"), cuts, axis=1))
    return gram


def test_moments_do_not_depend_on_how_inputs_are_cut():
    x = np.random.default_rng(0).standard_normal((2, 50, 6)) + 1
    for group in range(2):
        expected = x[group].T @ x[group] / 50
        damped = expected + 0.1 * np.trace(expected) / 6 * np.eye(6)
        for cuts in ([], [7, 8, 30]):
            moments = filled(x, cuts).moments(group, 0.1, centered=False)
            np.testing.assert_allclose(moments.hessian, damped, rtol=1e-5)
            np.testing.assert_allclose(moments.inverse @ damped, np.eye(6), atol=1e-4)
            assert not moments.mean.any()


def test_the_mean_is_taken_out_where_a_bias_takes_it_over():
    x = np.random.default_rng(0).standard_normal((1, 50, 6)) + 3
    moments = filled(x, [20]).moments(0, 1e-9, centered=True)
    np.testing.assert_allclose(moments.mean, x[0].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(
        moments.hessian, np.cov(x[0], rowvar=False, bias=True), rtol=1e-4, atol=1e-5
    )


def test_a_large_mean_costs_no_digits():
    x = np.random.default_rng(0).standard_normal((1, 500, 6)).astype("float32") + np.float32(1000)
    moments = filled(x, [100, 300]).moments(0, 1e-9, centered=True)
    expected = np.cov(x[0].astype("float64"), rowvar=False, bias=True)
    np.testing.assert_allclose(moments.hessian, expected, atol=1e-5)


def test_inputs_that_always_agree_can_be_inverted():
    x = np.repeat(np.random.default_rng(0).standard_normal((1, 5, 1)), 8, axis=2)
    assert np.linalg.matrix_rank(x[0]) == 1
    moments = filled(x, []).moments(0, 0.01, centered=False)
    np.testing.assert_allclose(moments.inverse @ moments.hessian, np.eye(8), atol=1e-8)


def test_inputs_that_are_always_zero_tell_nothing():
    moments = filled(np.zeros((1, 4, 3)), []).moments(0, 0.01, centered=True)
    np.testing.assert_array_equal(moments.hessian, np.eye(3))


def test_sees_what_is_not_finite():
    x = np.ones((1, 4, 3))
    assert filled(x, []).is_finite
    for value in (np.nan, np.inf):
        x[0, 2, 1] = value
        assert not filled(x, []).is_finite
