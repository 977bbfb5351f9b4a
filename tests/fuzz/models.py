"""What is mutated: converted models with each of our ops, and dense models to convert.

Equal graphs every time, so that a seed changes the same thing everywhere: a process of their own
makes them, in which names are numbered from one, and functions and attributes are put in order.
"""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import tfsparse
from tests.c_client.convolutional_models import (
    IMAGE,
    export_network,
    network,
    save_depthwise,
    save_pooling,
)
from tests.c_client.models import INPUTS, batch, export_mlp, save_int8_products
from tests.c_client.models import save as save_function
from tests.conversion.helpers import save
from tests.ops.helpers import float_weights
from tfsparse import ops

CONVERTED = (
    *("fp32", "bf16", "int8", "dynamic", "products", "residual"),
    *("network_fp32", "network_int8", "pooling", "channels", "depthwise"),
    *("encoder_fp32", "encoder_int8", "interaction"),
)
DENSE = ("mlp", "mixed", "network")


ROOT = Path(__file__).resolve().parents[2]


def make(folder):
    """Makes all models, once, in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "tests.fuzz.models", folder],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        check=True,
    )


def _make(folder):
    for precision in ("fp32", "bf16", "int8"):
        export_mlp(folder / precision, precision)
    _dense(folder / "mlp", folder / "mixed")
    for name, options in (("dynamic", {"activations": "dynamic"}), ("residual", {})):
        tfsparse.export(
            str(folder / "mixed"),
            folder / name,
            "int8" if name == "dynamic" else "fp32",
            overrides=dict.fromkeys(layers(folder / "mixed"), "4x1"),
            **options,
        )
    save_int8_products(folder / "products", (4, 1), INPUTS, 9, rows=(2, 3))
    model = network()
    model.export(str(folder / "network"), verbose=False)
    for precision in ("fp32", "int8"):
        export_network(model, folder / f"network_{precision}", precision)
    save_pooling(folder / "pooling")
    _channels(folder / "channels")
    _encoder(folder)
    save_depthwise(folder / "depthwise")
    _interaction(folder / "interaction")
    for file in folder.rglob("saved_model.pb"):
        _put_in_order(file)


def _put_in_order(file):
    """TensorFlow writes functions in the order of a hash table, another one in each process."""
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for meta_graph in model.meta_graphs:
        meta_graph.graph_def.library.function.sort(key=lambda each: each.signature.name)
    file.write_bytes(model.SerializeToString(deterministic=True))


def _channels(folder):
    """Scales and shifts of channels and their means, which conversion puts between convolutions."""
    library = ops.load()
    given, made = {"x_scale": 0.1, "x_zero_point": 9}, {"y_scale": 0.2, "y_zero_point": 7}
    channels = {"scale": np.linspace(-1, 1, 4, dtype=np.float32), "shift": np.ones(4, np.float32)}

    def function(x):
        images = tf.reshape(x, (-1, *IMAGE))
        y = library.tfsparse_scale_shift_channels(
            x=images, activation="relu", Tout=tf.uint8, **channels, **given, **made
        )
        return library.tfsparse_channel_means(x=y, **given)

    save_function(folder, function, INPUTS)


def _interaction(folder):
    """Rows of INT8 tables and bags of fixed and of any size; ids are clipped, as x is anything."""
    rng = np.random.default_rng(0)
    tables = [rng.integers(-127, 128, (rows, 8)).astype(np.int8) for rows in (5, 9)]
    scales = [rng.uniform(0.01, 0.02, len(table)).astype(np.float32) for table in tables]
    lookups = [
        ops.Lookup(table=0, ids=0, start=2, id_offset=1),
        ops.Lookup(table=1, ids=0, start=3, size=3, combiner="mean"),
        ops.Lookup(table=1, ids=1, splits=0, combiner="sqrtn"),
    ]
    columns = [(0, -1), (1, 0), (2, 1), (3, 2), (3, 0), (-1, -1), (2, -1)]

    def function(x):
        finite = tf.where(tf.math.is_nan(x), 0.0, tf.clip_by_value(x, 0.0, 3.0))
        ids = tf.cast(finite, tf.int32)
        splits = 4 * tf.range(tf.shape(x)[0] + 1)
        return ops.lookup_interaction(
            x[:, :8],
            tables,
            [ids, tf.reshape(ids[:, 8:12], [-1])],
            lookups,
            columns,
            table_scales=scales,
            row_splits=[splits],
        )

    save_function(folder, function, INPUTS)


def _encoder(folder):
    """Causal attention between normalizations."""
    x = keras.Input((INPUTS,), name="x")
    h = keras.layers.LayerNormalization(name="before")(keras.layers.Reshape((3, 8))(x))
    y = keras.layers.MultiHeadAttention(2, 4, name="attention")(h, h, use_causal_mask=True)
    h = keras.layers.RMSNormalization(name="behind")(h + y)
    model = keras.Model(x, keras.layers.Dense(5, name="classes")(keras.layers.Flatten()(h)))
    for seed, variable in enumerate(model.trainable_variables):
        variable.assign(np.random.default_rng(seed).normal(size=variable.shape))
    projections = [f"attention/{name}" for name in ("query", "key", "value", "attention_output")]
    for precision in ("fp32", "int8"):
        tfsparse.export(
            model,
            folder / f"encoder_{precision}",
            precision,
            batch(50) if precision == "int8" else None,
            overrides=dict.fromkeys(projections, "convert"),
            signatures=["serving_default"],
        )


def layers(model):
    """Names of the layers that can be converted."""
    return [op.layer for op in tfsparse.convert(str(model)).report if op.shape is not None]


def _dense(mlp, mixed):
    x = keras.Input((INPUTS,), name="x")
    hidden = keras.layers.Dense(32, activation="gelu", name="first")(x)
    model = keras.Model(x, keras.layers.Dense(5, name="second")(hidden))
    for layer in model.layers[1:]:
        kernel = float_weights(np.random.default_rng(0), *layer.kernel.shape[::-1], (4, 1))
        layer.set_weights([kernel.T, np.linspace(-1, 1, len(kernel))])
    model.export(str(mlp), verbose=False)

    first, second, third = (
        tf.Variable(float_weights(np.random.default_rng(i), *shape, (4, 1)).T)
        for i, shape in enumerate([(16, INPUTS), (16, 16), (INPUTS, 16)])
    )

    def function(x):
        h = tf.nn.relu(x @ first)
        h = tf.cond(tf.reduce_sum(h) > 0, lambda: tf.nn.relu(h @ second), lambda: h)
        return {"y": tf.nn.tanh(h @ third + x)}

    save(mixed, function, {"x": tf.TensorSpec((None, INPUTS))}, [first, second, third])


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
