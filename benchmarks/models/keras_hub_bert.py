"""KerasHub's BERT backbone by its sizes, for several files of `zoo/`."""

from __future__ import annotations

from typing import Any


def bert(layers: int, width: int, heads: int, length: int, vocabulary: int) -> Any:
    """The encoder with its sequence output, for sequences of one length.

    The backbone is inside a functional model of Keras's own class, which can be cloned.
    """
    import keras
    import keras_hub

    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=vocabulary,
        num_layers=layers,
        num_heads=heads,
        hidden_dim=width,
        intermediate_dim=4 * width,
        max_sequence_length=length,
    )
    inputs = {
        name: keras.Input((length,), dtype="int32", name=name)
        for name in ("token_ids", "segment_ids", "padding_mask")
    }
    return keras.Model(inputs, backbone(inputs)["sequence_output"])
