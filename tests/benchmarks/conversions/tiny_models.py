"""Models for tests: one that converts, one that cannot be built, one that remembers."""

from benchmarks.conversions.conversion_model import ConversionModel, pruned


def dense(_):
    import keras

    stack = [keras.Input((64,), name="x"), keras.layers.Dense(256, "relu"), keras.layers.Dense(8)]
    return pruned(keras.Sequential(stack))


def broken(_):
    raise RuntimeError("no such layer\nand more")


def counter(folder):
    import tensorflow as tf

    module = tf.Module()
    module.calls = tf.Variable(0.0)

    def call(x):
        return {"y": x + module.calls.assign_add(1.0)}

    spec = tf.TensorSpec((None,), tf.float32, name="x")
    module.call = tf.function(call, input_signature=[spec])
    tf.saved_model.save(module, str(folder / "written"), signatures=module.call)
    return folder / "written"


MODELS = (
    ConversionModel("dense", "Dense", dense),
    ConversionModel("broken", "fails", broken),
    ConversionModel("counter", "counts its calls", counter),
)
