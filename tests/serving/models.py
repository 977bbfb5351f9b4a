"""SavedModels of every kind, plain ones and ours."""

import keras
import numpy as np
import tensorflow as tf

import tfsparse


def spec(shape, dtype=tf.float32, name="x"):
    return tf.TensorSpec(shape, dtype, name)


def save(folder, function, *specs, state=None, signature="serving_default"):
    """Saves a function as a signature; gives the folder as a text."""
    module = tf.Module()
    module.state = state
    traced = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, str(folder), {signature: traced.get_concrete_function()})
    return str(folder)


def export_int8(folder, features=64, units=(32, 16)):
    """A perceptron of ours in INT8; gives the folder, and inputs for it."""
    layers = [keras.layers.Dense(n, "relu", name=f"dense_{n}") for n in units]
    model = keras.Sequential([keras.layers.Input((features,), name="x"), *layers])
    x = np.random.default_rng(0).random((64, features), np.float32)
    tfsparse.export(
        model,
        folder,
        precision="int8",
        calibration_data=x,
        overrides={layer.name: "4x1" for layer in layers},
    )
    return str(folder), x


def called(folder, signature="serving_default", **inputs):
    """What TensorFlow's own loader gives."""
    model = tf.saved_model.load(str(folder))
    outputs = model.signatures[signature](**{k: tf.constant(v) for k, v in inputs.items()})
    return {name: output.numpy() for name, output in outputs.items()}
