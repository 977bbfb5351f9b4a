"""Calibration takes what `fit` takes, and ends.

Reported: `convert(m, "int8", (x, y))` calibrated on y: an error of 0.04 became 3.1; with
`ds.repeat()` it never ended.
"""

import itertools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfsparse
from tests.long_cases import some_of

from .models import assert_close, function, kernel, normal, signatures, spec, thin

pytestmark = pytest.mark.one_keras

X = normal((64, 256))
Y = 1e3 * normal((64, 256), 1)
"""Targets that look like inputs; whoever calibrates on them is wrong by far."""
Z = 30 * normal((64, 256), 2)
"""The second input, of another range than the first one."""
WEIGHTS = np.full(64, 1e4, np.float32)


def _one(k=keras):
    layers = [k.layers.Input((256,), name="x"), k.layers.Dense(256, name="d")]
    return thin(k.Sequential(layers))


def _two(k=keras):
    """Two inputs whose order is not that of their names."""
    first, second = k.Input((256,), name="z"), k.Input((256,), name="a")
    one = k.layers.Dense(256, name="one")(first)
    two = k.layers.Dense(256, name="two")(second)
    return thin(k.Model([first, second], [one, two]))


class Batches(keras.utils.PyDataset):
    def __init__(self, x, length=8):
        super().__init__()
        self.x, self.length = x, length

    def __len__(self):
        return self.length

    @property
    def num_batches(self):
        return self.length

    def __getitem__(self, index):
        part = slice(8 * (index % 8), 8 * (index % 8) + 8)
        return tf.nest.map_structure(lambda each: each[part], self.x), Y[part]


class Sequence(tf_keras.utils.Sequence):
    def __init__(self, x):
        self.x = x

    def __len__(self):
        return 8

    def __getitem__(self, index):
        part = slice(8 * index, 8 * index + 8)
        return tf.nest.map_structure(lambda each: each[part], self.x), Y[part]


def _dataset(*x):
    return tf.data.Dataset.from_tensor_slices(x if len(x) > 1 else x[0]).batch(8)


FORMS = {
    "an array": lambda: X,
    "an array of another type": lambda: X.astype(np.float64),
    "a tensor": lambda: tf.constant(X),
    "a dict": lambda: {"x": X},
    "x and y": lambda: (X, Y),
    "x, y and weights": lambda: (X, Y, WEIGHTS),
    "a list of one input": lambda: [X],
    "a tuple of one": lambda: (X,),
    "a dict and y": lambda: ({"x": X}, Y),
    "batches": lambda: list(X.reshape(8, 8, 256)),
    "batches of x and y": lambda: list(
        zip(X.reshape(8, 8, 256), Y.reshape(8, 8, 256), strict=True)
    ),
    "batches of dicts": lambda: [{"x": batch} for batch in X.reshape(8, 8, 256)],
    "a generator": lambda: (batch for batch in X.reshape(8, 8, 256)),
    "a generator of x and y": lambda: ((batch, 1e3 * batch) for batch in X.reshape(8, 8, 256)),
    "a dataset": lambda: _dataset(X),
    "a dataset of x and y": lambda: _dataset(X, Y),
    "a dataset of x, y and weights": lambda: _dataset(X, Y, WEIGHTS),
    "a dataset of dicts and y": lambda: _dataset({"x": X}, Y),
    "a PyDataset": lambda: Batches(X),
    "a Sequence": lambda: Sequence(X),
}


@pytest.fixture(scope="module")
def one():
    model = _one()
    (exact,) = tfsparse.convert(model, "int8", {"x": X})(X).values()
    assert_close(exact.numpy(), np.asarray(model(X)), 0.05)
    return model, exact.numpy()


@pytest.mark.parametrize("form", some_of(FORMS, list(FORMS)[::2]))
def test_one_input(one, form):
    model, exact = one
    converted = tfsparse.convert(model, "int8", FORMS[form]())
    assert converted.report["d"].precision == "int8"
    (result,) = converted(X).values()
    np.testing.assert_array_equal(result, exact)


TWO = {
    "a dict": lambda: {"a": Z, "z": X},
    "a list of inputs": lambda: [X, Z],
    "a tuple of inputs": lambda: (X, Z),
    "a list of inputs, and y": lambda: ([X, Z], Y),
    "a tuple of inputs, and y": lambda: ((X, Z), Y),
    "a tuple of inputs, y and weights": lambda: ((X, Z), Y, WEIGHTS),
    "a dict, and y": lambda: ({"z": X, "a": Z}, Y),
    "a dataset of tuples, and y": lambda: _dataset((X, Z), Y),
    "a dataset of dicts": lambda: _dataset({"z": X, "a": Z}),
    "a dataset of dicts, and y": lambda: _dataset({"z": X, "a": Z}, Y),
    "a PyDataset": lambda: Batches((X, Z)),
    "a PyDataset of lists": lambda: Batches([X, Z]),
    "a PyDataset of dicts": lambda: Batches({"z": X, "a": Z}),
    "a Sequence": lambda: Sequence((X, Z)),
    "a generator": lambda: (((X[i : i + 8], Z[i : i + 8]), Y[:8]) for i in range(0, 64, 8)),
}


@pytest.fixture(scope="module", params=["keras3", "tf_keras"])
def two(request):
    model = _two(keras if request.param == "keras3" else tf_keras)
    converted = tfsparse.convert(model, "int8", {"z": X, "a": Z})
    exact = {name: y.numpy() for name, y in converted(z=X, a=Z).items()}
    for wanted in model([X, Z]):
        errors = [np.abs(np.asarray(wanted) - y).max() for y in exact.values()]
        assert min(errors) < 0.05 * np.abs(wanted).max()
    return model, exact


@pytest.mark.parametrize("form", some_of(TWO, list(TWO)[::2]))
def test_two_inputs(two, form):
    model, exact = two
    converted = tfsparse.convert(model, "int8", TWO[form]())
    assert [row.precision for row in converted.report] == ["int8", "int8"]
    for name, result in converted(z=X, a=Z).items():
        np.testing.assert_array_equal(result, exact[name])


class Counted:
    """Batches without end, that know how many were taken."""

    def __init__(self):
        self.taken = 0

    def __iter__(self):
        while True:
            self.taken += 1
            assert self.taken < 5000, "it goes on without end"
            yield X[:8]


ENDLESS = {
    "a dataset": lambda: _dataset(X).repeat(),
    "a dataset of x and y": lambda: _dataset(X, Y).repeat(),
    "a generator": lambda: itertools.cycle(list(X.reshape(8, 8, 256))),
    "a PyDataset": lambda: Batches(X, None),
}


@pytest.mark.parametrize("form", ENDLESS)
def test_data_without_end(one, form):
    model, exact = one
    (result,) = tfsparse.convert(model, "int8", ENDLESS[form]())(X).values()
    np.testing.assert_array_equal(result, exact)


@pytest.mark.parametrize("precision", ["int8", "auto"])
def test_the_bound_is_the_user_s(one, precision):
    data = Counted()
    options = {"overrides": {"d": "convert"}} if precision == "int8" else {"max_error": 1.0}
    converted = tfsparse.convert(one[0], precision, data, calibration_batches=3, **options)
    assert data.taken == 3
    assert re.search(r"\b3\b.{0,20}batch", str(converted.report))


def test_the_bound_has_a_default_that_the_report_names(one):
    data = Counted()
    report = tfsparse.convert(one[0], "int8", data).report
    assert 1 < data.taken < 1000
    assert re.search(rf"\b{data.taken}\b.{{0,20}}batch", str(report))


def test_data_that_end_before_the_bound(one):
    model, exact = one
    data = _dataset(X, Y)
    (result,) = tfsparse.convert(model, "int8", data, calibration_batches=1000)(X).values()
    np.testing.assert_array_equal(result, exact)


@pytest.mark.parametrize("batches", [0, -1, 2.5, "3", True])
def test_a_bound_that_is_none_is_refused(one, batches):
    with pytest.raises(ValueError, match=r"`calibration_batches` should be.*Received"):
        tfsparse.convert(one[0], "int8", X, calibration_batches=batches)


WRONG = {
    "no data": (lambda: iter(()), "at least one"),
    "no examples": (lambda: X[:0], "at least one"),
    "another width": (lambda: X[:, :100], r"\(.*256.*\)"),
    "another width in a later batch": (lambda: [X[:8], X[:8, :3]], r"\(.*256.*\)"),
    "NaN": (lambda: np.where(X > 3, np.nan, X), "finite"),
    "Inf in a later batch": (lambda: [X[:8], np.full((8, 256), np.inf)], "finite"),
    "text": (lambda: "calibration.npy", "`calibration_data` should be"),
    "a number": (lambda: 3.5, "`calibration_data` should"),
    "another name": (lambda: {"y": X}, r"inputs \['x'\]"),
    "strings": (lambda: X.astype(str), "float32"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_data_are_refused_in_words(one, case):
    make, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        tfsparse.convert(one[0], "int8", make())


def test_functions_that_the_data_do_not_fit(tmp_path):
    """Data are for signatures; another function of the model need not take the same inputs."""
    module = tf.Module()
    module.w = tf.Variable(kernel(256, 256), name="d/kernel")
    module.pair = tf.function(lambda x, y: x @ module.w - y)
    module.pair.get_concrete_function(x=spec(None, 256), y=spec(None, 256))
    default = tf.function(lambda x: {"y": x @ module.w}).get_concrete_function(x=spec(None, 256))
    folder, _ = signatures(tmp_path, module, serving_default=default)
    converted = tfsparse.convert(folder, "int8", X)
    (row,) = [row for row in converted.report if "serving_default" in row.signatures]
    assert row.converted and row.precision == "int8"
    assert_close(converted(X)["y"].numpy(), X @ module.w.numpy(), 0.05)


def test_signatures_of_other_inputs_have_data_of_their_own(tmp_path):
    w = tf.Variable(kernel(256, 256), name="d/kernel")
    module = tf.Module()
    module.w = w
    flat = tf.function(lambda x: {"y": x @ w}).get_concrete_function(x=spec(None, 256))
    pair = tf.function(lambda x, z: {"y": (x * z) @ w})
    both = pair.get_concrete_function(x=spec(None, 256), z=spec(None, 256))
    folder, source = signatures(tmp_path, module, flat=flat, both=both)
    data = {"flat": (X, Y), "both": [({"x": X, "z": Z}, Y)]}
    converted = tfsparse.convert(folder, "int8", data)
    assert {row.precision for row in converted.report} == {"int8"}
    x, z = tf.constant(X), tf.constant(Z)
    expected = source.signatures["both"](x=x, z=z)["y"].numpy()
    assert_close(converted.signatures["both"](x=x, z=z)["y"].numpy(), expected, 0.05)


@pytest.mark.parametrize("dtype", [tf.int32, tf.float64, tf.bool])
def test_inputs_of_other_types(tmp_path, dtype):
    w = tf.Variable(kernel(256, 256), name="d/kernel")
    source = function(
        tmp_path,
        lambda x: {"y": tf.cast(x, tf.float32) @ w},
        {"x": tf.TensorSpec((None, 256), dtype)},
        [w],
    )
    x = (3 * X).astype(dtype.as_numpy_dtype)
    converted = tfsparse.convert(source.folder, "int8", (x, Y))
    assert converted.report["d"].precision == "int8"
    assert_close(converted(x)["y"].numpy(), source(x=x)["y"], 0.05)
