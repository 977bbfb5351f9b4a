"""Loads a mutated model and calls it: an answer or an error."""

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import error_interpolation

import tfsparse
from tests.fuzz import models
from tests.fuzz.edges import generator
from tests.fuzz.mutations import mutate

ROWS = (3, 0, 1, 40)

# TensorFlow looks in the text of an error for names of nodes, to say where they were made, in time
# that grows with the square of the text: up to 20 s where it quotes a whole library of functions.
error_interpolation.interpolate_graph = lambda message, graph: message


def try_seed(folder, seed):
    rng = generator(seed)
    tfsparse.ops.load()
    name = rng.choice(models.CONVERTED)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "model"
        what = f"{name}: {mutate(rng, folder / name, target)}"
        call = rng.choice([_call_in_python, _call_in_session])
        try:
            call(target, rng)
        except Exception as error:  # of whatever kind: TensorFlow's loader has many
            return "refused", f"{what}; {type(error).__name__}: {error}"
    return "answered", what


def _call_in_python(target, rng):
    signature = tf.saved_model.load(str(target)).signatures["serving_default"]
    for rows in ROWS:
        specs = signature.structured_input_signature[1]
        signature(**{name: _feed(spec, rows, rng) for name, spec in specs.items()})


def _call_in_session(target, rng):
    """As programs in C do: no Python looks at the graph."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(target))
        signature = loaded.signature_def["serving_default"]
        (given,), outputs = signature.inputs.values(), signature.outputs.values()
        for rows in ROWS:
            x = np.full((rows, models.INPUTS), 0.5, np.float32)
            session.run([each.name for each in outputs], {given.name: x})


def _feed(spec, rows, rng):
    sizes = [rows if size is None else min(size, 1000) for size in spec.shape]
    return tf.cast(tf.fill(sizes, rng.choice([0.5, -3.0, float("nan"), 1e38])), spec.dtype)
