"""Masks and biases that the op cannot apply in the order of the graph stay where they are."""

import tensorflow as tf

from tfsparse.conversion.attention import find_attentions

from .helpers import spec, view_of
from .test_attention import B, D, H, S, T, by_matmul, check, inputs, normal, padding, triangle


def reason(path, function, **others):
    """Why the attention of a function of queries, keys and values stays."""
    named = lambda **given: {"y": function(**given)}  # noqa: E731
    view = view_of(path, named, dict.fromkeys("qkv", spec(None, None, H, D)) | others)
    found, unmatched = find_attentions(view)
    assert not found
    (stayed,) = unmatched
    return stayed.reason


def test_a_triangle_of_keys_and_queries(tmp_path):
    def function(q, k, v):
        s = tf.einsum("bshd,bthd->bhst", k, q)
        s = tf.transpose(tf.where(triangle(s), s, -1e9), [0, 1, 3, 2])
        return tf.einsum("bhts,bshd->bthd", tf.nn.softmax(s), v)

    assert reason(tmp_path, function) == "its causal mask has other axes than its scores"


def test_a_triangle_of_heads_and_keys(tmp_path):
    def function(q, k, v):
        s = tf.einsum("bthd,bshd->bths", q, k)
        p = tf.nn.softmax(tf.where(triangle(s), s, -1e9))
        return tf.einsum("bths,bshd->bthd", p, v)

    assert reason(tmp_path, function) == "its causal mask has other axes than its scores"


def test_a_bias_between_two_masks(tmp_path):
    def function(q, k, v, m, bias):
        def masked(s):
            s = tf.where(triangle(s), s, -1.0) + bias
            return tf.where(m[:, None, None, :], s, -1.0)

        return by_matmul(q, k, v, masked)

    others = {"m": spec(None, None, dtype=tf.bool), "bias": spec(None, None)}
    assert reason(tmp_path, function, **others) == "it has a bias between its masks"


def test_a_bias_beside_two_masks(tmp_path):
    def function(q, k, v, m, bias):
        def masked(s):
            return tf.where(triangle(s), tf.where(m[:, None, None, :], s, -1.0), -1.0) + bias

        return by_matmul(q, k, v, masked)

    given = inputs(m=padding(), bias=normal((B, H, T, S), 5))
    assert not check(tmp_path, function, given).attr["bias_first"].b
