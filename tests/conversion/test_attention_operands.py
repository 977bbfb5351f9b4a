"""Queries, keys and values are read back to what the op can take, and no further."""

import numpy as np
import pytest
import tensorflow as tf

from .test_attention import (
    B,
    D,
    H,
    S,
    T,
    by_einsum,
    by_matmul,
    check,
    heads_first,
    inputs,
    normal,
    run,
)


def test_keys_that_are_tiled_along_another_axis(tmp_path):
    def function(q, k, v):
        return by_einsum(q, *(tf.reshape(tf.tile(x, [1, 1, H]), [-1, S, H, D]) for x in (k, v)))

    given = {"q": normal((B, T, H, D)), "k": normal((B, S, D), 1), "v": normal((B, S, D), 2)}
    check(tmp_path, function, given)


def test_an_input_that_is_tiled(tmp_path):
    def function(q, k, v):
        return by_einsum(
            q, *(tf.reshape(tf.tile(x, [1, 1, 1, H, 1]), [-1, S, H, D]) for x in (k, v))
        )

    given = {"q": normal((B, T, H, D))}
    given |= {key: normal((B, S, 1, 1, D), seed) for seed, key in enumerate("kv")}
    check(tmp_path, function, given)


def test_transposed_keys_of_unknown_rank(tmp_path):
    def function(q, k, v):
        k = tf.raw_ops.PlaceholderWithDefault(input=k, shape=None)
        s = tf.matmul(q, heads_first(k), transpose_b=True)
        return tf.matmul(tf.nn.softmax(s), heads_first(v))

    given = inputs()
    given["q"] = np.moveaxis(given["q"], 2, 1)
    check(tmp_path, function, given, open_sizes=False)


@pytest.mark.parametrize("role", ["q", "k", "v", "all"])
def test_attention_to_the_result_of_attention(tmp_path, role):
    def function(q, k, v):
        first = by_matmul(q, k, v)
        second = {"q": q, "k": k, "v": v}
        given = dict.fromkeys("qkv", first) if role == "all" else second | {role: first}
        return by_einsum(**given)

    x = inputs()
    x["q"] = normal((B, S, H, D), 9)
    y, wanted, _ = run(tmp_path, function, x, expected=2)
    np.testing.assert_allclose(y, wanted, rtol=2e-5, atol=2e-5 * np.abs(wanted).max())
