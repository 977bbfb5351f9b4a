"""What one version of TensorFlow makes of the wheel: `version_probe.py SHARED OUT`.

Runs an op, exports models, and serves those of the folder SHARED, which another version has
exported; they are made if there is none. The outputs go to the file OUT.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import tfsparse
from tfsparse.ops.library_info import library_info


def network():
    keras.utils.set_random_seed(0)
    inputs = keras.layers.Input((64,), name="x")
    hidden = keras.layers.Dense(64, activation="relu")(inputs)
    hidden = keras.layers.LayerNormalization()(hidden)
    model = keras.Model(inputs, keras.layers.Dense(16)(hidden))
    rng = np.random.default_rng(1)
    for variable in model.weights:
        variable.assign(rng.normal(size=variable.shape).astype(np.float32) / 8)
    return tfsparse.strip_pruning(tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.75)))


def export(folder, data):
    model = network()
    for precision in ("fp32", "int8"):
        report = tfsparse.export(
            model,
            str(folder / precision),
            precision=precision,
            calibration_data=data,
            target="zen4",
            force=True,
        )
        assert report.converted, report


def served(folder, data, name):
    return {
        f"{name}_{precision}": tfsparse.load(str(folder / precision), threads=1)(data)
        for precision in ("fp32", "int8")
    }


def product(data):
    pattern = tfsparse.BlockPattern(out=4, in_=1)
    dense = np.random.default_rng(2).normal(size=(16, 64)).astype(np.float32)
    dense[:8, ::2] = 0
    weights = tfsparse.ops.BlockSparseMatrix.from_dense(dense, pattern)
    return tfsparse.ops.block_sparse_matmul(data, weights).numpy()


def main(shared, out):
    data = np.random.default_rng(0).normal(size=(32, 64)).astype(np.float32)
    if not shared.exists():
        export(shared, data)
    own = out.with_suffix("")
    export(own, data)
    info = library_info(tfsparse.ops.library_path())
    np.savez(
        out,
        tensorflow=tf.__version__,
        built_for=info.tensorflow,
        package=tfsparse.__file__,
        product=product(data),
        **served(shared, data, "shared"),
        **served(own, data, "own"),
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
