"""Four signatures that share their weights."""

from __future__ import annotations

from pathlib import Path

from benchmarks.conversions.conversion_model import ConversionModel, pruned

WIDTH = 256


def build(folder: Path) -> Path:
    """A backbone with three heads, in four endpoints."""
    import keras
    import tensorflow as tf
    from keras import layers

    backbone = pruned(
        keras.Sequential(
            [keras.Input((WIDTH,)), layers.Dense(1024, "relu"), layers.Dense(WIDTH, "relu")]
        )
    )
    heads = {
        name: layers.Dense(size) for name, size in (("classify", 10), ("rate", 1), ("tag", 40))
    }
    x = keras.Input((WIDTH,))
    whole = keras.Model(x, [head(backbone(x)) for head in heads.values()])
    archive = keras.export.ExportArchive()
    archive.track(whole)
    spec = [tf.TensorSpec((None, WIDTH), tf.float32, name="x")]
    archive.add_endpoint("embed", lambda x: backbone(x), spec)
    for name, head in heads.items():
        archive.add_endpoint(name, lambda x, head=head: head(backbone(x)), spec)
    archive.write_out(str(folder / "written"), verbose=False)
    return folder / "written"


MODELS = (ConversionModel("four_signatures", "Keras 3, four endpoints over one backbone", build),)
