"""Converts models of odd weights with odd calibration data, and mutated dense models.

The laws. Odd data and weights end in a model or in an error that says what was wrong, which is a
ValueError or a TypeError. A model that was made answers whatever its source answers. A mutated
dense model that TensorFlow can run is converted, and gives the same numbers, or is refused.
"""

import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import tfsparse
from tests.fuzz import models
from tests.fuzz.edges import generator, put, reshaped
from tests.fuzz.mutations import mutate

PRECISIONS = ("fp32", "bf16", "int8", "auto")
METHODS = ("minmax", "percentile", "mse")
SENTENCES = (ValueError, TypeError, NotImplementedError, tf.errors.OpError, OSError)
SCALES = (0.0, 1e-45, 1e-40, 1e-38, 1e-30, 1e-10, 1.0, 1e10, 1e30, 1e38)


def try_seed(folder, seed):
    """Odd weights and odd calibration data, through Keras."""
    rng = generator(seed)
    model = _odd_model(rng)
    data = _data(rng)
    options = _options(rng)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted = tfsparse.convert(model, calibration_data=data, **options)
    except (ValueError, TypeError) as error:
        return "refused", f"{type(error).__name__}: {error}"
    for rows in (1, 40):
        _check(model, converted, np.random.default_rng(rows).normal(size=(rows, models.INPUTS)))
    return "answered", f"{options}"


def _check(model, converted, x):
    x = x.astype(np.float32)
    (y,) = converted(x).values()
    if np.shape(y) != np.shape(model(x)):
        raise AssertionError(f"The shapes should be one. Received: {np.shape(y)}")


def _odd_model(rng):
    x = keras.Input((models.INPUTS,), name="x")
    hidden = keras.layers.Dense(8, activation=rng.choice([None, "relu", "gelu"]), name="first")(x)
    if rng.random() < 0.3:
        hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    model = keras.Model(x, keras.layers.Dense(4, name="second")(hidden))
    for weight in model.weights:
        weight.assign(_odd_array(rng, weight.shape))
    return model


def _odd_array(rng, shape):
    array = np.random.default_rng(rng.randrange(1 << 30)).standard_normal(shape)
    if rng.random() < 0.3:
        array *= rng.choice(SCALES)
    if array.ndim == 2 and rng.random() < 0.3:
        array *= np.array([rng.choice(SCALES) for _ in range(shape[-1])])
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    return put(rng, array) if rng.random() < 0.2 else array


def _data(rng):
    if rng.random() < 0.1:
        return rng.choice([None, 3, "data.npy", [], {}, (), [[]], np.zeros(0), [np.zeros(3)]])
    x = np.random.default_rng(rng.randrange(1 << 30)).standard_normal((10, models.INPUTS))
    x = x * rng.choice([1.0, 1.0, 1.0, *SCALES])
    if rng.random() < 0.2:
        x = put(rng, x)
    if rng.random() < 0.2:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            x = x.astype(rng.choice([np.float16, np.float64, np.int32, np.uint8, bool, complex]))
    if rng.random() < 0.1:
        x = reshaped(rng, x)
    return rng.choice([x, [x, x], {"x": x}, (x, np.zeros(len(x))), {"y": x}, iter([x]), [x, x[0]]])


def _options(rng):
    options = {"precision": rng.choice(PRECISIONS)}
    if options["precision"] in ("int8", "auto") and rng.random() < 0.5:
        options["calibration_method"] = rng.choice(METHODS)
    if options["precision"] == "int8" and rng.random() < 0.3:
        options["activations"] = "dynamic"
    names = [name for name in ("first", "second") if rng.random() < 0.7]
    options["overrides"] = {name: rng.choice(["convert", "4x1", "16x4", "skip"]) for name in names}
    return options


def try_mutated(folder, seed):
    """A mutated dense model."""
    rng = generator(seed)
    name = rng.choice(models.DENSE)
    x = np.random.default_rng(seed).normal(size=(5, models.INPUTS)).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "model"
        what = f"{name}: {mutate(rng, folder / name, target)}"
        expected, error = _served(target, x)
        kinds = SENTENCES if error is None else Exception
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                converted = tfsparse.convert(str(target), rng.choice(["fp32", "fp32", "bf16"]))
                if error is None:
                    _require_close(converted(x), expected)
        except kinds as refusal:
            return "refused", f"{what}; {type(refusal).__name__}: {refusal}"
    return "answered", what


def _served(target, x):
    try:
        signature = tf.saved_model.load(str(target)).signatures["serving_default"]
        ((name, _),) = signature.structured_input_signature[1].items()
        return signature(**{name: tf.constant(x)}), None
    except Exception as error:
        return None, error


def _require_close(result, expected):
    for key, value in expected.items():
        value, found = np.asarray(value), np.asarray(result[key])
        if value.shape != found.shape or value.dtype != found.dtype:
            raise AssertionError(f"Results should be alike. Received: {found.shape}, {found.dtype}")
        if np.issubdtype(value.dtype, np.floating) and np.isfinite(value).all():
            bound = 0.05 * (np.abs(value).max(initial=0) + 1)
            if not np.isfinite(found).all() or np.abs(found - value).max(initial=0) > bound:
                raise AssertionError("Results should be close.")
