"""The cases of the layer contract: every kind of layer, and every kind of pattern.

Patterns, optimizers and options are spread over the layers rather than
multiplied with them: each meets several layers, and each layer several of them.
"""

from tfsparse import GroupLasso

from .custom_layers import custom_layers
from .layer_contract import Case


def stock(name, *args, **kwargs):
    """A layer of Keras's own, named "mine"."""
    return lambda keras: getattr(keras.layers, name)(*args, name="mine", **kwargs)


def custom(name, *args, **kwargs):
    """A layer of a user's."""
    return lambda keras: getattr(custom_layers(keras), name)(*args, name="mine", **kwargs)


def inside(name, layer):
    """A layer of Keras's around another."""
    return lambda keras: getattr(keras.layers, name)(layer(keras), name="outer")


def embedded(keras, layer, ids):
    """Layer over an embedding with a mask, and the mean of the steps that are none."""
    x = keras.layers.Embedding(9, 8, mask_zero=True)(ids)
    return keras.layers.GlobalAveragePooling1D()(layer(x))


def attend_to_itself(keras, layer, ids):
    """Attention from an embedding with a mask to itself."""
    x = keras.layers.Embedding(9, 8, mask_zero=True)(ids)
    return layer(x, x)


IDS = ("int32", (6,))

# The target is there from the first update on, where a plain strength pulls no more.
FOREVER = GroupLasso(1e-3, until_target=False)
SHRINKING = GroupLasso(1e-5, "proximal", until_target=False)

DENSE = {
    "Dense": Case(stock("Dense", 10), [(6,)], optimizer="adamw"),
    "Dense over steps": Case(stock("Dense", 8, "relu"), [(5, 6)], pattern="16x4"),
    "Dense without bias": Case(stock("Dense", 8, use_bias=False), [(6,)], pattern="1x1"),
    "Dense 2:4": Case(stock("Dense", 5), [(8,)], pattern="2:4"),
    "Dense channel": Case(stock("Dense", 8), [(6,)], pattern="channel", optimizer="sgd"),
    "Dense regularized": Case(
        stock("Dense", 8, kernel_regularizer="l1", activity_regularizer="l2"),
        [(6,)],
        options={"group_lasso": 1e-3},
    ),
    "Dense constrained": Case(stock("Dense", 8, kernel_constraint="max_norm"), [(6,)]),
    "Dense after masks": Case(stock("Dense", 8), IDS, embedded),
}

CONVOLUTIONS = {
    "Conv1D": Case(stock("Conv1D", 6, 3, padding="causal"), [(7, 4)], optimizer="rmsprop"),
    "Conv2D": Case(stock("Conv2D", 8, 3, strides=2), [(7, 7, 3)], pattern="16x4"),
    "Conv2D 2:4": Case(stock("Conv2D", 4, 2), [(5, 5, 4)], pattern="2:4"),
    "Conv2D channel": Case(stock("Conv2D", 8, 3), [(5, 5, 3)], pattern="channel"),
    "Conv2D in groups": Case(stock("Conv2D", 12, 3, groups=2), [(5, 5, 4)], jit=True),
    "Conv1D in groups": Case(
        stock("Conv1D", 12, 3, groups=2), [(7, 8)], pattern="1:4", sparsity=0.75, jit=True
    ),
    "Conv3D": Case(stock("Conv3D", 8, 2), [(3, 3, 3, 2)], pattern="1x1"),
    "SeparableConv1D": Case(stock("SeparableConv1D", 8, 3), [(6, 5)]),
    "SeparableConv2D": Case(
        stock("SeparableConv2D", 8, 3, depth_multiplier=2), [(5, 5, 3)], pattern="2x2"
    ),
}

EINSUMS = {
    "EinsumDense heads": Case(
        stock("EinsumDense", "abc,cde->abde", (None, 2, 4), bias_axes="de"), [(5, 8)]
    ),
    "EinsumDense merge": Case(
        stock("EinsumDense", "abde,dec->abc", (None, 6)), [(5, 2, 4)], pattern="2:4"
    ),
    "EinsumDense groups": Case(
        stock("EinsumDense", "bhi,hio->bho", (3, 6)),
        [(3, 8)],
        optimizer="sgd",
        options={"group_lasso": SHRINKING},
    ),
    "EinsumDense group channel": Case(
        stock("EinsumDense", "bhi,hio->bho", (3, 6)), [(3, 8)], pattern="channel"
    ),
    "EinsumDense ellipsis": Case(
        stock("EinsumDense", "...x,xy->...y", (10,)), [(2, 3, 8)], pattern="16x4"
    ),
}

ATTENTION = {
    "self-attention": Case(
        stock("MultiHeadAttention", 2, 4),
        [(5, 8)],
        lambda keras, layer, x: layer(x, x, use_causal_mask=True),
        kernels=4,
        optimizer="adamw",
    ),
    "cross-attention": Case(
        stock("MultiHeadAttention", 2, 4, value_dim=6, output_shape=10),
        [(5, 8), (3, 12)],
        lambda keras, layer, query, value: layer(query, value, return_attention_scores=True),
        kernels=4,
        pattern="16x4",
    ),
    "attention with a mask": Case(
        stock("MultiHeadAttention", 2, 4, dropout=0.1),
        [(5, 8), (3, 8), (3, 4), (5, 3)],
        lambda keras, layer, query, value, key, mask: layer(
            query, value, key=key, attention_mask=mask > 0
        ),
        kernels=4,
        pattern="2:4",
    ),
    "attention after masks": Case(
        stock("MultiHeadAttention", 2, 4), IDS, attend_to_itself, kernels=4, pattern="channel"
    ),
}

# Of Keras 3 alone.
ATTENTION_OF_KERAS_3 = {
    "grouped-query attention": Case(
        stock("GroupQueryAttention", head_dim=4, num_query_heads=4, num_key_value_heads=2),
        [(5, 8), (3, 8)],
        lambda keras, layer, query, value: layer(query, value),
        kernels=4,
    ),
}

COMPOSITES = {
    "TimeDistributed": Case(inside("TimeDistributed", stock("Dense", 8)), [(5, 6)]),
    "TimeDistributed after masks": Case(
        inside("TimeDistributed", stock("Dense", 8)), IDS, embedded, pattern="1x1"
    ),
    "block with build": Case(custom("BuildsInside"), [(6,)], kernels=2, optimizer="rmsprop"),
    "block without build": Case(
        custom("BuiltByCalling"), [(5, 6)], kernels=2, options={"group_lasso": FOREVER}
    ),
    "block with a list and a dictionary": Case(
        custom("InContainers"), [(8,)], kernels=4, pattern="2:4"
    ),
    "encoder": Case(custom("Encoder"), [(5, 8)], kernels=6),
    "encoder after masks": Case(custom("Encoder"), IDS, embedded, kernels=6, pattern="channel"),
    "decoder with two inputs": Case(
        custom("Decoder"),
        [(5, 6), (5, 4)],
        lambda keras, layer, x, context: layer(x, context=context),
        kernels=2,
    ),
    "model as a layer": Case(custom("Network"), [(6,)], kernels=3, pattern="16x4"),
}

REGISTERED = {
    "own kernel": Case(custom("Multiplies"), [(6,)], pattern="2x1", optimizer="adamw"),
    "experts": Case(custom("Experts"), [(6,)], kernels=3),
    "experts 2:4": Case(custom("Experts"), [(8,)], kernels=3, pattern="2:4", optimizer="sgd"),
    "experts inside": Case(custom("AroundExperts"), [(6,)], kernels=4, pattern="channel"),
    "subclass of Dense": Case(custom("OwnDense", 8), [(6,)], options={"group_lasso": 1e-3}),
    "subclass of Conv2D": Case(custom("OwnConvolution", 8, 3), [(5, 5, 3)]),
    "LSTM": Case(custom("OwnLSTM", 8), [(5, 6)], kernels=2),
    "LSTM 2:4": Case(custom("OwnLSTM", 8), [(5, 8)], kernels=2, pattern="2:4"),
    "LSTM after masks": Case(
        custom("OwnLSTM", 8, return_sequences=True), IDS, embedded, kernels=2, pattern="16x4"
    ),
    "GRU": Case(custom("OwnGRU", 8), [(5, 6)], kernels=2, optimizer="rmsprop"),
    "SimpleRNN": Case(custom("OwnSimpleRNN", 8), [(5, 6)], kernels=2, pattern="1x1"),
    "two directions": Case(inside("Bidirectional", custom("OwnLSTM", 8)), [(5, 6)], kernels=4),
}

CASES = {
    **DENSE,
    **CONVOLUTIONS,
    **EINSUMS,
    **ATTENTION,
    **ATTENTION_OF_KERAS_3,
    **COMPOSITES,
    **REGISTERED,
}
