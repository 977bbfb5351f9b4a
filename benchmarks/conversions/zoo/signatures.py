"""Four signatures that share their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    heads = {"classify": layers.Dense(10), "rate": layers.Dense(1), "tag": layers.Dense(40)}
    x = keras.Input((WIDTH,))
    whole = keras.Model(x, [head(backbone(x)) for head in heads.values()])
    archive = keras.export.ExportArchive()
    archive.track(whole)
    spec = [tf.TensorSpec((None, WIDTH), tf.float32, name="x")]

    def through(head: Any) -> Any:
        return lambda x: head(backbone(x))

    archive.add_endpoint("embed", lambda x: backbone(x), spec)
    for name, head in heads.items():
        archive.add_endpoint(name, through(head), spec)
    archive.write_out(str(folder / "written"), verbose=False)
    return folder / "written"


MODELS = (ConversionModel("four_signatures", "Keras 3, four endpoints over one backbone", build),)
