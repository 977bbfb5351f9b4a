"""A BERT encoder from Keras layers, as a user would write one.

Nothing in it knows of pruning: `tfsparse.prune_block` finds the kernels inside
`TransformerBlock`, a layer of the user's own.
"""

from __future__ import annotations

from typing import Any

import keras

EPSILON = 1e-12
LONGEST_TEXT = 128


@keras.saving.register_keras_serializable("tfsparse_examples")
class TextEmbedding(keras.layers.Layer):
    """Sum of the embeddings of a piece, its place and its segment, normalized.

    Args:
        vocabulary: Number of pieces.
        width: Size of an embedding.
        dropout: Share of the output to drop in training.
        longest: Number of places.
        **kwargs: Arguments of the Keras layer.
    """

    def __init__(
        self,
        vocabulary: int,
        width: int,
        dropout: float = 0.1,
        longest: int = LONGEST_TEXT,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary, self.width, self.rate = vocabulary, width, dropout
        self.longest = longest
        self.supports_masking = True
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        sizes = {"pieces": vocabulary, "places": longest, "segments": 2}
        self.pieces, self.places, self.segments = (
            keras.layers.Embedding(size, width, initializer, name=name)
            for name, size in sizes.items()
        )
        self.norm = keras.layers.LayerNormalization(epsilon=EPSILON)
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, tokens_shape: Any, segments_shape: Any = None) -> None:
        """Makes the weights."""
        for embedding in (self.pieces, self.places, self.segments):
            embedding.build(tokens_shape)
        self.norm.build((*tokens_shape, self.width))
        self.built = True

    def call(self, tokens: Any, segments: Any) -> Any:
        """Embeds ids of shape (batch, length)."""
        places = keras.ops.arange(keras.ops.shape(tokens)[1])
        summed = self.pieces(tokens) + self.places(places) + self.segments(segments)
        return self.dropout(self.norm(summed))

    def compute_mask(self, tokens: Any, previous: Any = None) -> Any:
        """True where there is text; id 0 pads."""
        tokens = tokens[0] if isinstance(tokens, list | tuple) else tokens
        return keras.ops.not_equal(tokens, 0)

    def compute_output_shape(self, tokens_shape: Any, segments_shape: Any = None) -> Any:
        """Shape (batch, length, width)."""
        return (*tokens_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal layer."""
        own = {"vocabulary": self.vocabulary, "width": self.width, "dropout": self.rate}
        return {**super().get_config(), **own, "longest": self.longest}


@keras.saving.register_keras_serializable("tfsparse_examples")
class TransformerBlock(keras.layers.Layer):
    """Self-attention, then two dense layers; each is added to its input and normalized.

    Args:
        width: Size of the last axis of input and output.
        heads: Number of attention heads; `width` is divided among them.
        ffn: Units of the first dense layer.
        dropout: Share of attention and of both outputs to drop in training.
        **kwargs: Arguments of the Keras layer.
    """

    def __init__(
        self, width: int, heads: int, ffn: int, dropout: float = 0.1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.width, self.heads, self.ffn, self.rate = width, heads, ffn, dropout
        self.supports_masking = True
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        self.attention = keras.layers.MultiHeadAttention(
            heads, width // heads, dropout=dropout, kernel_initializer=initializer, name="attention"
        )
        self.attention_norm = keras.layers.LayerNormalization(epsilon=EPSILON)
        self.ffn_in = keras.layers.Dense(ffn, "gelu", kernel_initializer=initializer, name="ffn_in")
        self.ffn_out = keras.layers.Dense(width, kernel_initializer=initializer, name="ffn_out")
        self.ffn_norm = keras.layers.LayerNormalization(epsilon=EPSILON)
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        """Makes the weights."""
        self.attention.build(input_shape, input_shape)
        self.attention_norm.build(input_shape)
        self.ffn_in.build(input_shape)
        self.ffn_out.build((*input_shape[:-1], self.ffn))
        self.ffn_norm.build(input_shape)
        self.built = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Transforms embeddings of shape (batch, length, width); `mask` is (batch, length)."""
        attention_mask = None if mask is None else mask[:, None, :]
        attended = self.attention(inputs, inputs, attention_mask=attention_mask)
        hidden = self.attention_norm(inputs + self.dropout(attended))
        return self.ffn_norm(hidden + self.dropout(self.ffn_out(self.ffn_in(hidden))))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal layer."""
        own = {"width": self.width, "heads": self.heads, "ffn": self.ffn, "dropout": self.rate}
        return {**super().get_config(), **own}


def encoder(
    vocabulary: int,
    width: int = 256,
    layers: int = 4,
    heads: int = 4,
    ffn: int = 1024,
    dropout: float = 0.1,
    longest: int = LONGEST_TEXT,
) -> keras.Model:
    """A BERT encoder, by default the "mini" of Turc et al. (2019).

    Returns:
        Model from ``{"tokens", "segments"}``, int32 of shape (batch, length), to a list: the
        output of every block, (batch, length, width) each.

    Reference:

    - Turc et al., "Well-Read Students Learn Better: On the Importance of Pre-training
      Compact Models", 2019.
    """
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}
    hidden = TextEmbedding(vocabulary, width, dropout, longest, name="embedding")(*inputs.values())
    outputs = []
    for number in range(layers):
        name = f"block_{number}"
        hidden = TransformerBlock(width, heads, ffn, dropout, name=name)(hidden)
        outputs.append(hidden)
    return keras.Model(inputs, outputs, name="encoder")


INPUTS = ("tokens", "segments")


@keras.saving.register_keras_serializable("tfsparse_examples")
class PairFeatures(keras.layers.Layer):
    """Compares the two texts of a pair: |u - v| and u * v of their mean embeddings u and v."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, hidden: Any, tokens: Any, segments: Any) -> Any:
        """Features of shape (batch, 2 * width)."""
        means = []
        for number in (0, 1):
            inside = keras.ops.logical_and(tokens != 0, segments == number)
            weight = keras.ops.cast(inside, hidden.dtype)[..., None]
            count = keras.ops.maximum(keras.ops.sum(weight, axis=1), 1)
            means.append(keras.ops.sum(hidden * weight, axis=1) / count)
        first, second = means
        return keras.ops.concatenate([keras.ops.abs(first - second), first * second], axis=-1)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """None: there is no axis left that could be padded."""
        return


def classifier(
    body: keras.Model, classes: int = 2, pairs: bool = False, dropout: float = 0.1
) -> keras.Model:
    """An encoder with one dense layer on top, which gives logits.

    Args:
        body: From `encoder`.
        classes: Number of logits.
        pairs: Whether the classes are of pairs, to be compared; of a single text the layer
            sees the mean over its pieces.
        dropout: Share of what the layer sees that is dropped in training.
    """
    hidden = body.outputs[-1]
    if pairs:
        features = PairFeatures(name="pair")(hidden, body.input["tokens"], body.input["segments"])
        pooled = keras.layers.BatchNormalization(momentum=0.9, name="pair_norm")(features)
    else:
        pooled = keras.layers.GlobalAveragePooling1D(name="mean")(hidden)
    dropped = keras.layers.Dropout(dropout, name="dropout")(pooled)
    logits = keras.layers.Dense(classes, name="class")(dropped)
    return keras.Model(body.input, logits, name="classifier")
