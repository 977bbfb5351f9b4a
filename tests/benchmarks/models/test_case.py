"""A case holds one model in every form, and knows how far a result is off."""

import numpy as np
import pytest

from benchmarks.harness.sparsity import Sparsity
from benchmarks.models import case as cases
from benchmarks.models import op_times

TINY = "tests.benchmarks.models.tiny_model"


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("case")
    return cases.build(TINY, Sparsity("4x1", 0.75), [3], ["fp32", "int8", "int7"], 0, folder)


def run(folder, case):
    import tensorflow as tf

    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    with np.load(case.folder / "x3.npz") as x:
        results = signature(**{name: tf.constant(x[name]) for name in x.files})
    return {name: y.numpy() for name, y in results.items()}


def test_the_source_is_pruned_but_for_what_is_excluded(case):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(case.folder / "source"))
    kernels = [v.numpy() for v in loaded.variables if v.shape.rank == 2]
    zeros = {kernel.shape: float(np.mean(kernel == 0)) for kernel in kernels}
    assert zeros == {(16, 32): 0.75, (32, 4): 0.0}


@pytest.mark.parametrize("folder", ["source", "fp32", "int8"])
def test_every_form_computes_the_model(case, folder):
    error = case.error_of(run(case.folder / folder, case), 3)
    assert error <= (0.1 if folder == "int8" else 1e-5)
    assert set(case.converted) == {"fp32", "int8"}


def test_errors_are_in_standard_deviations_of_the_source(case):
    with np.load(case.folder / "expected3.npz") as expected:
        (name,) = expected.files
        right = expected[name]
    assert case.error_of({name: right}, 3) == 0
    assert case.error_of({name: right + right.std()}, 3) == pytest.approx(1, rel=1e-4)
    np.savez(case.folder / "expected1.npz", **{name: right[:1, :1]})
    assert case.error_of({name: 2 * right[:1, :1]}, 1) == pytest.approx(1)
    assert case.error_of({name: right[:2]}, 3) == case.error_of({}, 3) == float("inf")


def test_the_profile_has_the_ops_of_the_model(case):
    ops = op_times.of(case.folder / "source", case.folder / "x3.npz", 1)
    assert any("MatMul" in each.op for each in ops)
    assert all(each.count > 0 and each.ms >= 0 for each in ops)


def test_a_conversion_that_fails_says_why(case):
    assert list(case.problems) == ["int7"] and "`precision` should be" in case.problems["int7"]
