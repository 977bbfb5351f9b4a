"""SavedModels that no Keras wrote."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conversions.conversion_model import ConversionModel

SIZES = (256, 1024, 64)


def weights(seed: int = 0) -> list[Any]:
    """Kernels ``(in, out)`` with 90% zeros in blocks of 4x1."""
    rng = np.random.default_rng(seed)
    kernels = []
    for inputs, outputs in itertools.pairwise(SIZES):
        kept = np.repeat(rng.random((inputs, outputs // 4)) < 0.1, 4, axis=1)
        kernels.append(np.where(kept, rng.normal(size=kept.shape), 0).astype(np.float32))
    return kernels


def tf1(folder: Path) -> Path:
    """Written by the builder of TensorFlow 1, with a table that the signature does not use."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, SIZES[0]), name="x")
        first, second = (
            v1.get_variable(f"kernel{index}", initializer=kernel, use_resource=False)
            for index, kernel in enumerate(weights())
        )
        y = tf.matmul(tf.nn.relu(tf.matmul(x, first)), second)
        v1.get_variable("unused", initializer=tf.zeros((1000, 8)), use_resource=False)
        table = v1.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
        filled = v1.raw_ops.LookupTableImportV2(
            table_handle=table, keys=["a", "b"], values=tf.constant([1, 2], tf.int64)
        )
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder / "written"))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=tf.group(filled)
        )
        builder.save()
    return folder / "written"


def module(folder: Path) -> Path:
    """A `tf.Module` with a function."""
    import tensorflow as tf

    model = tf.Module()
    model.kernels = [tf.Variable(kernel) for kernel in weights()]
    model.bias = tf.Variable(tf.ones(SIZES[1]))

    def call(x: Any) -> Any:
        hidden = tf.nn.relu(tf.matmul(x, model.kernels[0]) + model.bias)
        return {"y": tf.matmul(hidden, model.kernels[1])}

    spec = tf.TensorSpec((None, SIZES[0]), tf.float32, name="x")
    model.call = tf.function(call, input_signature=[spec])
    tf.saved_model.save(model, str(folder / "written"), signatures=model.call)
    return folder / "written"


MODELS = (
    ConversionModel("tf1_saved_model", "by TensorFlow 1's builder, with an unused table", tf1),
    ConversionModel("tf_module", "a plain tf.Module", module),
)
