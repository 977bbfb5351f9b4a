"""KerasHub's backbones, small, with open lengths, pruned 4x1 90%."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.conversions.conversion_model import ConversionModel, pruned

WIDTH, VOCABULARY = 128, 100
_TEXT = {
    "vocabulary_size": VOCABULARY,
    "num_layers": 2,
    "num_heads": 4,
    "hidden_dim": WIDTH,
    "intermediate_dim": 4 * WIDTH,
    "max_sequence_length": 64,
}
_IMAGE = {
    "image_shape": (32, 32, 3),
    "patch_size": 8,
    "num_layers": 2,
    "num_heads": 4,
    "hidden_dim": WIDTH,
    "mlp_dim": 4 * WIDTH,
}


def wrapped(backbone: Any) -> Any:
    """A functional model of Keras's own class around a backbone, which can be cloned."""
    import keras

    given = backbone.input
    if not isinstance(given, dict):
        inputs = keras.Input(given.shape[1:], dtype=given.dtype, name="images")
        return keras.Model(inputs, backbone(inputs))
    inputs = {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in given.items()
    }
    return keras.Model(inputs, backbone(inputs))


def _model(name: str, class_name: str, settings: dict[str, Any]) -> ConversionModel:
    def build(_: Path) -> Any:
        import keras_hub

        return pruned(wrapped(getattr(keras_hub.models, class_name)(**settings)))

    below = {"token_ids": VOCABULARY, "segment_ids": 2, "padding_mask": 2}
    return ConversionModel(name, f"KerasHub's {class_name}, 2 layers of {WIDTH}", build, below)


MODELS = (
    _model("hub_bert", "BertBackbone", _TEXT),
    _model("hub_distilbert", "DistilBertBackbone", _TEXT),
    _model("hub_roberta", "RobertaBackbone", _TEXT),
    _model("hub_gpt2", "GPT2Backbone", _TEXT),
    _model("hub_vit", "ViTBackbone", _IMAGE),
)
