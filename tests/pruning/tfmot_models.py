"""Models of TFMOT: trains them, reports on them, strips and exports; prints the findings.

A program of its own, because importing TFMOT changes what `tf.keras` is for the
whole process. Argument: which of the two libraries to import first.
"""

import importlib
import json
import sys
import tempfile
import warnings

(FIRST,) = sys.argv[1:]
importlib.import_module(FIRST)

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_model_optimization as tfmot  # noqa: E402
import tf_keras as keras  # noqa: E402

import tfsparse  # noqa: E402

layers, sparsity, clustering = keras.layers, tfmot.sparsity.keras, tfmot.clustering.keras
keras.utils.set_random_seed(3)
RNG = np.random.default_rng(0)
LABELS = np.arange(32) % 8
FLAT = RNG.standard_normal((32, 12)).astype("float32")
SEQUENCES = RNG.standard_normal((32, 6, 8)).astype("float32")
IMAGES = RNG.standard_normal((32, 6, 6, 8)).astype("float32")


def dense_model():
    return keras.Sequential(
        [
            keras.Input((12,)),
            layers.Dense(16, activation="relu", name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.1, name="drop"),
            layers.Dense(8, name="logits"),
        ]
    )


def convolution_model():
    inputs = keras.Input((6, 6, 8))
    x = layers.Conv2D(8, 3, padding="same", name="conv")(inputs)
    x = layers.Add(name="add")([x, inputs])
    x = layers.SeparableConv2D(16, 3, name="separable")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(8, name="logits")(x))


def attention_model():
    inputs = keras.Input((6, 8))
    x = layers.MultiHeadAttention(2, 4, name="attention")(inputs, inputs)
    return keras.Model(inputs, layers.Dense(8, name="logits")(layers.Flatten(name="flat")(x)))


class HiddenOnly(sparsity.PruningPolicy):
    """Prunes Dense layers but the last."""

    def allow_pruning(self, layer):
        return layer.name == "hidden"

    def ensure_model_supports_pruning(self, model):
        pass


def constant(target):
    return sparsity.ConstantSparsity(target, 0, frequency=1)


def pruned(model, **options):
    return sparsity.prune_low_magnitude(model, **{"pruning_schedule": constant(0.75), **options})


def clustered(model, **options):
    linear = clustering.CentroidInitialization.LINEAR
    return clustering.cluster_weights(model, 4, linear, **options)


def of_two(model, name):
    """Prunes one layer of a model, as TFMOT's guide does, through `clone_model`."""
    return keras.models.clone_model(
        model, clone_function=lambda layer: pruned(layer) if layer.name == name else layer
    )


def train(model, inputs, callbacks, eagerly=True):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, run_eagerly=eagerly)
    model.fit(inputs, LABELS, epochs=2, batch_size=16, verbose=0, callbacks=callbacks)
    # A step past the callback: what is stored now is dense, what is computed is not.
    model.train_on_batch(inputs, LABELS)


def kernels(report):
    return {row["layer"]: row for row in report.as_dict()["kernels"]}


def examine(model, inputs, callbacks=(), served=False):
    """What tfsparse makes of a trained model; exports it as well if `served`.

    A model that is served is trained in a graph, which takes longer for so few steps.
    """
    train(model, inputs, list(callbacks), eagerly=not served)
    # Before the model is called again, which would put afresh what training left stale.
    report = tfsparse.sparsity_report(model)
    before = model(inputs).numpy()
    model.train_on_batch(inputs, LABELS)
    plain = tfsparse.strip_pruning(model)
    outputs = plain(inputs).numpy()
    expected = model(inputs).numpy()
    kernel_values = {w.name: w.numpy() for w in plain.weights if "kernel" in w.name}
    findings = {
        "report": report.as_dict(),
        "text": str(report),
        "plain": kernels(tfsparse.sparsity_report(plain)),
        "classes": [f"{type(x).__module__.split('.')[0]}.{type(x).__name__}" for x in plain.layers],
        "names": [layer.name for layer in plain.layers],
        "distinct": [len(np.unique(values)) for values in kernel_values.values()],
        "learned": not np.array_equal(before, expected),
        "same": bool(np.array_equal(outputs, expected)),
    }
    if served:
        error = np.abs(serve(plain, inputs) - expected).max()
        findings["served"] = float(error / np.abs(expected).max())
    return findings


def serve(plain, inputs):
    with tempfile.TemporaryDirectory() as folder:
        tfsparse.export(plain, f"{folder}/1")
        signature = tf.saved_model.load(f"{folder}/1").signatures["serving_default"]
        return next(iter(signature(tf.constant(inputs)).values())).numpy()


def reloaded():
    """Whether a pruned model is the same once saved and loaded as TFMOT's guide says."""
    model = pruned(dense_model(), block_size=(1, 4))
    train(model, FLAT, PRUNE)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.h5")
        with sparsity.prune_scope():
            loaded = keras.models.load_model(f"{folder}/model.h5")
    plain = tfsparse.strip_pruning(loaded)
    reports = [kernels(tfsparse.sparsity_report(one)) for one in (loaded, model)]
    return {
        "equal": reports[0] == reports[1],
        "same": bool(np.array_equal(plain(FLAT).numpy(), model(FLAT).numpy())),
    }


def single_layers():
    """A wrapper alone, one that is not built, and a list."""
    late = pruned(layers.Dense(8, name="late"))
    stripped = tfsparse.strip_pruning([late, layers.Dropout(0.5)])
    return {
        "classes": [type(layer).__name__ for layer in stripped],
        "built": stripped[0].built,
        "skipped": tfsparse.sparsity_report(late).skipped,
    }


def sparse_and_clustered():
    """A pruned model that is clustered with its zeros kept, TFMOT's "sparsity preserving" way."""
    model = pruned(dense_model())
    train(model, FLAT, PRUNE)
    return clustered(tfsparse.strip_pruning(model), preserve_sparsity=True)


warnings.simplefilter("ignore")  # TFMOT's own, and that .h5 is a format of old
PRUNE = [sparsity.UpdatePruningStep()]
findings = {"blocks": examine(pruned(dense_model(), block_size=(2, 4)), FLAT, PRUNE, served=True)}
if FIRST == "tfsparse":
    hidden_only = pruned(dense_model(), pruning_policy=HiddenOnly())
    findings |= {
        "clusters": examine(clustered(dense_model()), FLAT, served=True),
        "never": tfsparse.sparsity_report(pruned(dense_model())).as_dict(),
        "keep": examine(pruned(dense_model(), sparsity_m_by_n=(3, 4)), FLAT, PRUNE),
        "policy": examine(hidden_only, FLAT, PRUNE),
        "one": examine(of_two(dense_model(), "logits"), FLAT, PRUNE),
        "convolutions": examine(pruned(convolution_model()), IMAGES, PRUNE, served=True),
        "attention": examine(pruned(attention_model()), SEQUENCES, PRUNE),
        "attention clusters": examine(clustered(attention_model()), SEQUENCES, served=True),
        "sparse clusters": examine(sparse_and_clustered(), FLAT),
        "reloaded": reloaded(),
        "single": single_layers(),
    }
print("FINDINGS", json.dumps(findings))
