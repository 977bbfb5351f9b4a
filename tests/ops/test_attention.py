"""Attention, beside TensorFlow's own formula and Keras's layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops
from tfsparse.ops import AttentionConfig

B, T, S, H, D, E = 2, 19, 23, 4, 16, 12
HUGE = 2**62
LOWEST = np.finfo(np.float32).min


def normal(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def tensors(kv_heads=H):
    return normal(B, T, H, D), normal(B, S, kv_heads, D, seed=2), normal(B, S, kv_heads, E, seed=3)


def keep(*shape, share=0.6):
    return np.random.default_rng(4).random(shape) < share


def scores(query, key, scale=D**-0.5):
    return tf.einsum("bthd,bshd->bhts", query * np.float32(scale), key)


def context(s, value):
    return tf.einsum("bhts,bshe->bthe", tf.nn.softmax(s), value)


def config(**changes):
    sizes = {"heads": H, "head_size": D, "value_head_size": E, "output_layout": "BTHD"}
    return AttentionConfig(**sizes | changes)


def same(y, expected, tolerance=3e-6):
    np.testing.assert_allclose(y, expected, tolerance, tolerance)


def test_softmax_of_scaled_scores():
    query, key, value = tensors()
    same(ops.attention(query, key, value, config()), context(scores(query, key), value))


def test_scale_and_soft_cap():
    query, key, value = tensors()
    s = 2 * tf.tanh(scores(query, key, 0.3) / 2)
    y = ops.attention(query, key, value, config(scale=0.3, soft_cap=2.0))
    same(y, context(s, value))


@pytest.mark.parametrize(
    "shape", [(B, H, T, S), (1, H, T, S), (B, 1, 1, S), (T, S), (H, 1, 1), (B, 1, T, 1), (1,), ()]
)
def test_bias_of_any_shape(shape):
    query, key, value = tensors()
    bias = normal(*shape, seed=5)
    y = ops.attention(query, key, value, config(), bias=bias)
    same(y, context(scores(query, key) + bias, value))


@pytest.mark.parametrize("shape", [(B, H, T, S), (B, 1, 1, S), (B, 1, T, S), (S,), (B, 1, T, 1)])
@pytest.mark.parametrize("masked_value", [-1e9, LOWEST, -np.inf, -2.0])
@pytest.mark.parametrize("masked", ["add", "replace"])
def test_mask_of_any_shape(shape, masked, masked_value):
    query, key, value = tensors()
    mask = keep(*shape)
    mask[(0,) * (mask.ndim - 1)] = False  # some rows are hidden wholly
    s = scores(query, key)
    hidden = tf.fill(s.shape, np.float32(masked_value))
    s = tf.where(mask, s, hidden + s if masked == "add" else hidden)
    y = ops.attention(
        query, key, value, config(masked=masked, masked_value=masked_value), mask=mask
    )
    same(y, context(s, value))


def test_a_mask_that_is_added_as_keras_does_it():
    query, key, value = tensors()
    mask = keep(B, 1, T, S)
    mask[0, 0, 3] = False
    s = scores(query, key) + (1 - tf.cast(mask, tf.float32)) * -1e9
    same(ops.attention(query, key, value, config(), mask=mask), context(s, value))


@pytest.mark.parametrize("offset", ["start", "end"])
def test_causal(offset):
    query, key, value = tensors()
    behind = 0 if offset == "start" else S - T
    past = np.arange(S) <= np.arange(T)[:, None] + behind
    s = tf.where(past, scores(query, key), -np.inf)
    y = ops.attention(
        query,
        key,
        value,
        config(causal=True, causal_offset=offset, masked="replace", masked_value=-np.inf),
    )
    same(y, context(s, value))


def test_bias_behind_the_mask():
    query, key, value = tensors()
    bias, mask = normal(B, 1, 1, S, seed=5), keep(T, S)
    s = tf.where(mask, scores(query, key), -3.0) + bias
    y = ops.attention(
        query,
        key,
        value,
        config(masked="replace", masked_value=-3.0, bias_first=False),
        bias=bias,
        mask=mask,
    )
    same(y, context(s, value))


def test_keras_multi_head_attention():
    layer = keras.layers.MultiHeadAttention(H, D, value_dim=E)
    x, padding = normal(B, T, 24), keep(B, 1, T)
    expected = layer(x, x, attention_mask=padding, use_causal_mask=True)
    parts = [layer._query_dense(x), layer._key_dense(x), layer._value_dense(x)]
    y = ops.attention(*parts, config(causal=True), mask=padding[:, None])
    same(layer._output_dense(y), expected)


def test_keras_grouped_query_attention():
    query, key, value = tensors(kv_heads=2)
    wide = [tf.repeat(x, 2, axis=2) for x in (key, value)]
    y = ops.attention(query, key, value, config(kv_heads=2))
    same(y, context(scores(query, wide[0]), wide[1]))


@pytest.mark.parametrize("axes", [(3, H, D), (H, 3, D), (3 * H * D,)])
def test_views_of_a_merged_product(axes):
    merged = normal(B, T, *axes)
    if axes == (H, 3, D):
        views = [(i * D, 3 * D) for i in range(3)]
        parts = [merged[:, :, :, i] for i in range(3)]
    else:
        views = [(i * H * D, D) for i in range(3)]
        parts = [merged.reshape(B, T, 3, H, D)[:, :, i] for i in range(3)]
    names = ("query_view", "key_view", "value_view")
    merged_config = config(value_head_size=D, **dict(zip(names, views, strict=True)))
    y = ops.attention(merged, merged, merged, merged_config)
    same(y, context(scores(parts[0], parts[1]), parts[2]))


def test_layouts():
    query, key, value = tensors()
    expected = context(scores(query, key), value).numpy()
    turned = [x.transpose(0, 2, 1, 3) for x in (query, key, value)]
    layouts = {"query_layout": "BHTD", "key_layout": "BHTD", "value_layout": "BHTD"}
    same(ops.attention(*turned, config(**layouts)), expected)
    y = ops.attention(turned[0], key, value, config(query_layout="BHTD", output_layout="BHTD"))
    same(y, expected.transpose(0, 2, 1, 3))
    y = ops.attention(query, key, value, config(output_layout="BTC"))
    same(y, expected.reshape(B, T, H * E))


def test_bfloat16_is_near():
    query, key, value = tensors()
    y = ops.attention(query, key, value, config(compute="bfloat16"))
    same(y, context(scores(query, key), value), 3e-2)


def test_uint8_ends():
    random = np.random.default_rng(1)
    shapes = (B, T, H, D), (B, S, H, D), (B, S, H, E)
    bytes_ = [random.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]
    affine = [(0.02, 128), (0.01, 100), (0.03, 7)]
    floats = [
        np.float32(s) * (q.astype(np.float32) - z) for q, (s, z) in zip(bytes_, affine, strict=True)
    ]
    expected = context(scores(floats[0], floats[1]), floats[2]).numpy()
    names = ("query", "key", "value")
    scales = {f"{n}_scale": s for n, (s, _) in zip(names, affine, strict=True)}
    points = {f"{n}_zero_point": z for n, (_, z) in zip(names, affine, strict=True)}
    inputs = [tf.constant(q) for q in bytes_]
    y = ops.quantized_attention(*inputs, config(), **scales, **points)
    same(y, expected, 1e-5)
    q = ops.quantized_attention(
        *inputs,
        config(),
        **scales,
        **points,
        output_dtype=tf.uint8,
        y_scale=0.05,
        y_zero_point=3,
    )
    assert q.dtype == tf.uint8
    assert (np.abs(q.numpy() - np.clip(expected / 0.05 + 3, 0, 255)) <= 0.5001).all()


def test_no_keys_give_zero_and_no_queries_nothing():
    none = tf.zeros((B, 0, H, D))
    y = ops.attention(normal(B, T, H, D), none, none, config(value_head_size=None))
    assert y.shape == (B, T, H, D)
    assert not y.numpy().any()
    some = normal(B, S, H, D)
    assert ops.attention(none, some, some, config(value_head_size=None)).shape == (B, 0, H, D)


def test_shapes_are_known_before_the_call():
    @tf.function
    def call(query, key, value):
        return ops.attention(query, key, value, config(output_layout="BTC"))

    specs = [
        tf.TensorSpec([None, None, H, D]),
        tf.TensorSpec([3, 5, H * D]),
        tf.TensorSpec(None),
    ]
    assert call.get_concrete_function(*specs).output_shapes.as_list() == [3, None, H * E]


@pytest.mark.parametrize(
    "changes",
    [
        {"heads": 3},
        {"heads": HUGE},
        {"heads": 0},
        {"kv_heads": 3},
        {"kv_heads": -1},
        {"head_size": D + 1},
        {"head_size": HUGE},
        {"value_head_size": HUGE},
        {"value_head_size": -1},
        {"query_view": [1, D]},
        {"query_view": [0, D - 1]},
        {"query_view": [0]},
        {"key_view": [HUGE, HUGE]},
        {"value_view": [-1, E]},
        {"query_layout": "BHTD"},
        {"key_layout": "BHDT"},
        {"output_layout": "BHDT"},
        {"scale": np.nan},
        {"scale": np.inf},
        {"soft_cap": -1.0},
        {"masked_value": np.nan},
        {"masked": "multiply"},
        {"causal_offset": "middle"},
        {"compute": "float16"},
        {"query": np.zeros((B, T), np.float32)},
        {"query": np.zeros((B + 1, T, H, D), np.float32)},
        {"key": np.zeros((B, S + 1, H, D), np.float32)},
        {"value": np.zeros((B, S, H, 0), np.float32)},
        {"bias": np.zeros((B, S), np.float32)},
        {"bias": np.zeros((1, B, H, T, S), np.float32)},
        {"mask": np.zeros((B, 1, 0, S), bool)},
        {"mask": tf.zeros(S)},
        {"y_scale": 0.0},
        {"key_scale": np.nan},
        {"value_zero_point": 256},
        {"query_scale": np.zeros(1, np.float32)},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_invalid_arguments(changes):
    query, key, value = tensors()
    sizes = {"heads": H, "head_size": D, "value_head_size": E}
    good = sizes | {"query": query, "key": key, "value": value}
    good |= {"bias": np.zeros(0, np.float32), "mask": np.zeros(0, bool)}
    for name in ("query", "key", "value", "y"):
        good |= {f"{name}_scale": 1.0, f"{name}_zero_point": 0}
    floats = {k: v for k, v in good.items() if not k.endswith(("_scale", "_zero_point"))}
    errors = (tf.errors.InvalidArgumentError, TypeError, ValueError)
    op = ops.load().tfsparse_quantized_attention
    assert op(**good, Tout=tf.float32).shape == (B, T, H * E)
    with pytest.raises(errors):
        op(**good | changes, Tout=tf.float32)
    if changes.keys() <= floats.keys() | config().attributes().keys():
        assert ops.load().tfsparse_attention(**floats).shape == (B, T, H * E)
        with pytest.raises(errors):
            ops.load().tfsparse_attention(**floats | changes)
