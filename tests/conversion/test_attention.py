"""Every spelling of attention becomes one op that gives what the graph gave."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfsparse
from tfsparse.conversion.attention import find_attentions

from .helpers import nodes, normal, save, spec, view_of

OP = "Tfsparse>Attention"
B, T, S, H, D = 2, 5, 7, 3, 4
NONE = np.float32(np.finfo(np.float32).min)


def padding():
    """Keys that are kept; of the last example not one."""
    return np.arange(S) < np.array([[4], [0]])


def inputs(**others):
    q, k, v = (normal((B, n, H, D), place) for place, n in enumerate((T, S, S)))
    return {"q": q, "k": k, "v": v, **others}


def heads_first(x):
    return tf.transpose(x, [0, 2, 1, 3])


def by_einsum(q, k, v):
    p = tf.nn.softmax(tf.einsum("bthd,bshd->bhts", q, k) * 0.5)
    return tf.einsum("bhts,bshd->bthd", p, v)


def by_matmul(q, k, v, mask=lambda s: s):
    s = tf.matmul(heads_first(q), heads_first(k), transpose_b=True) / np.float32(2)
    return heads_first(tf.matmul(tf.nn.softmax(mask(s)), heads_first(v)))


def by_queries_last(q, k, v):
    s = tf.einsum("bshd,bthd->bsht", k * 0.25, q * 2.0)
    p = tf.nn.softmax(tf.transpose(s, [0, 2, 3, 1]), axis=-1)
    return tf.einsum("bhts,bshd->bthd", p, v)


def by_another_axis(q, k, v):
    s = tf.einsum("bshd,bthd->sbth", k, q) * 0.5
    return tf.einsum("sbth,bshd->bthd", tf.nn.softmax(s, axis=0), v)


def by_exponentials(q, k, v):
    s = tf.einsum("bthd,bshd->bhts", q, k) * 0.5
    e = tf.exp(s - tf.reduce_max(s, -1, keepdims=True))
    return tf.einsum("bhts,bshd->bthd", e / tf.reduce_sum(e, -1, keepdims=True), v)


def by_size_of_heads(q, k, v):
    scale = tf.math.rsqrt(tf.cast(tf.shape(q)[-1], tf.float32))
    return tf.einsum(
        "bhts,bshd->bthd", tf.nn.softmax(tf.einsum("bthd,bshd->bhts", q * scale, k)), v
    )


def heads_in_front(q, k, v):
    q, k, v = (tf.transpose(x, [2, 0, 1, 3]) for x in (q, k, v))
    p = tf.nn.softmax(tf.matmul(q * 0.5, k, transpose_b=True))
    return tf.transpose(tf.matmul(p, v), [1, 2, 0, 3])


def with_soft_cap(q, k, v):
    s = tf.einsum("bthd,bshd->bhts", q, k) * 0.5
    return tf.einsum("bhts,bshd->bthd", tf.nn.softmax(2.0 * tf.tanh(s / 2.0)), v)


SPELLINGS = {
    "einsum": by_einsum,
    "matmul": by_matmul,
    "queries last": by_queries_last,
    "another axis": by_another_axis,
    "exponentials": by_exponentials,
    "size of heads": by_size_of_heads,
    "heads in front": heads_in_front,
    "soft cap": with_soft_cap,
    "dropout": lambda q, k, v: tf.nn.dropout(by_einsum(q, k, v), 0.0),
}

MASKS = {
    "where": lambda s, m: tf.where(m[:, None, None, :], s, -1e9),
    "where not": lambda s, m: tf.where(tf.logical_not(m)[:, None, None, :], -1e9, s),
    "where of a tensor": lambda s, m: tf.where(m[:, None, None], s, tf.ones_like(s) * NONE),
    "where of a sum": lambda s, m: tf.where(m[:, None, None, :], s, s - 1e9),
    "added": lambda s, m: s + (1.0 - tf.cast(m, tf.float32))[:, tf.newaxis, tf.newaxis, :] * -1e9,
    "added to all": lambda s, m: s - 1e9 * tf.cast(tf.logical_not(m), tf.float32)[:, None, None],
    "chosen": lambda s, m: tf.where(m, 0.0, -1e9)[:, None, None, :] + s,
    "before a scale": lambda s, m: tf.where(m[:, None, None, :], s, -1e9) * 0.5,
    "and ones": lambda s, m: tf.where(
        tf.logical_and(tf.ones_like(s, tf.bool), m[:, None, None, :]), s, NONE
    ),
    "and a triangle": lambda s, m: tf.where(
        tf.logical_and(triangle(s)[None, None], m[:, None, None, :]), s, -1e9
    ),
    "two": lambda s, m: tf.where(
        triangle(s), tf.where(m[:, None, None, :], s, -1e9), -1e9
    ),
    "added and a triangle": lambda s, m: tf.where(
        triangle(s), s + (1.0 - tf.cast(m, tf.float32))[:, None, None, :] * -1e9, NONE
    ),
    "integers": lambda s, m: tf.where(
        tf.minimum(tf.cast(m, tf.int32)[:, None], tf.cast(triangle(s)[None], tf.int32))[:, None]
        > 0, s, -1e9
    ),
    "of the shape of scores": lambda s, m: tf.where(
        tf.sequence_mask(tf.shape(s)[3] - 2, tf.shape(s)[-1]), s, -1e9
    ),
}  # fmt: skip


def triangle(s):
    """Rows and columns that are counted, whatever the lengths."""
    return tf.range(tf.shape(s)[2])[:, None] >= tf.range(tf.shape(s)[3])


TRIANGLES = {
    "counted": triangle,
    "band": lambda s: tf.linalg.band_part(tf.ones(tf.shape(s)[2:], tf.bool), -1, 0),
    "sums": lambda s: tf.greater_equal(
        *(tf.cumsum(tf.ones((1, *tf.unstack(tf.shape(s)[2:])), tf.int32), a) for a in (-2, -1))
    ),
    "columns first": lambda s: tf.range(tf.shape(s)[3])[None] <= tf.range(tf.shape(s)[2])[:, None],
}


def run(path, function, given, open_sizes=True, expected=1):
    """Converts a function; gives the result, and what TensorFlow computes."""
    specs = {}
    for key, value in given.items():
        shape = [None if open_sizes and axis < 2 else n for axis, n in enumerate(value.shape)]
        specs[key] = spec(*shape, dtype=tf.as_dtype(value.dtype))
    named = lambda **x: {"y": function(**x)}  # noqa: E731
    save(path, named, specs)
    converted = tfsparse.convert(path)
    found = nodes(converted.graph_def(), OP)
    assert len(found) == expected, converted.report
    given = {key: tf.constant(value) for key, value in given.items()}
    return converted(**given)["y"].numpy(), function(**given).numpy(), found


def check(path, function, given, **options):
    y, wanted, found = run(path, function, given, **options)
    np.testing.assert_allclose(y, wanted, rtol=2e-5, atol=2e-5 * np.abs(wanted).max())
    return found[0]


@pytest.mark.parametrize("open_sizes", [True, False], ids=["open", "fixed"])
@pytest.mark.parametrize("case", SPELLINGS)
def test_finds_every_spelling(tmp_path, case, open_sizes):
    node = check(tmp_path, SPELLINGS[case], inputs(), open_sizes=open_sizes)
    assert node.attr["heads"].i == H
    assert node.attr["scale"].f == 0.5
    assert node.attr["soft_cap"].f == (2.0 if case == "soft cap" else 0.0)


def test_takes_away_transpositions(tmp_path):
    given = dict.fromkeys("qkv", spec(None, None, H, D))
    save(tmp_path, lambda q, k, v: {"y": by_matmul(q, k, v)}, given)
    assert not nodes(tfsparse.convert(tmp_path).graph_def(), "Transpose")


@pytest.mark.parametrize("case", MASKS)
def test_masks(tmp_path, case):
    function = lambda q, k, v, m: by_matmul(q, k, v, lambda s: MASKS[case](s, m))  # noqa: E731
    node = check(tmp_path, function, inputs(m=padding()))
    is_causal = case in ("and a triangle", "two", "added and a triangle", "integers")
    assert node.attr["causal"].b == is_causal


@pytest.mark.parametrize("open_sizes", [True, False], ids=["open", "fixed"])
@pytest.mark.parametrize("case", TRIANGLES)
def test_causal_masks_need_no_tensor(tmp_path, case, open_sizes):
    masked = lambda s: tf.where(TRIANGLES[case](s), s, NONE)  # noqa: E731
    function = lambda q, k, v: by_matmul(q, k, v, masked)  # noqa: E731
    path, given = tmp_path, inputs()
    node = check(path, function, given, open_sizes=open_sizes)
    assert node.attr["causal"].b
    constants = {n.name: n for n in nodes(tfsparse.convert(path).graph_def(), "Const")}
    assert constants[node.input[4]].attr["value"].tensor.tensor_shape.dim[0].size == 0


def test_what_only_looks_causal_stays_a_mask(tmp_path):
    strict = lambda s: tf.range(tf.shape(s)[2])[:, None] > tf.range(tf.shape(s)[3])  # noqa: E731
    masked = lambda s: tf.where(strict(s), s, -1e9)  # noqa: E731
    node = check(tmp_path, lambda q, k, v: by_matmul(q, k, v, masked), inputs())
    assert not node.attr["causal"].b


def test_masked_probabilities_that_are_made_zero(tmp_path):
    def function(q, k, v, m):
        kept = m[:, None, None, :]
        s = tf.where(kept, tf.einsum("bthd,bshd->bhts", q, k), -1e9)
        return tf.einsum("bhts,bshd->bthd", tf.where(kept, tf.nn.softmax(s), 0.0), v)

    node = check(tmp_path, function, inputs(m=padding()))
    assert node.attr["zero_masked"].b


def test_a_bias_of_any_shape(tmp_path):
    def function(q, k, v, bias):
        return by_matmul(q, k, v, lambda s: tf.where(triangle(s), s, -1e9) + bias)

    check(tmp_path, function, inputs(bias=normal((H, T, S), 5)), open_sizes=False)


def test_axes_in_another_order_under_a_mask(tmp_path):
    def function(q, k, v, m):
        s = tf.einsum("bthd,bshd->btsh", q, k) + tf.where(m, 0.0, -1e9)[:, None, :, None]
        return tf.einsum("btsh,bshd->bthd", tf.nn.softmax(s, axis=2), v)

    check(tmp_path, function, inputs(m=padding()))


@pytest.mark.parametrize("spelling", ["repeat", "gather", "axes", "one"])
def test_grouped_queries(tmp_path, spelling):
    q = normal((B, T, 6, D), 1)
    k, v = normal((B, S, 2, D), 2), normal((B, S, 2, D), 3)
    if spelling == "one":
        k, v = k[:, :, 0], v[:, :, 0]

    def function(q, k, v):
        if spelling == "axes":
            q = tf.reshape(q, [*tf.unstack(tf.shape(q)[:2]), 2, 3, D])
            p = tf.nn.softmax(tf.einsum("btkgd,bskd->bkgts", q, k))
            return tf.einsum("bkgts,bskd->btkgd", p, v)
        if spelling == "one":
            p = tf.nn.softmax(tf.einsum("bthd,bsd->bhts", q, k))
            return tf.einsum("bhts,bsd->bthd", p, v)
        if spelling == "gather":
            k, v = (tf.gather(x, [0, 0, 0, 1, 1, 1], axis=2) for x in (k, v))
        else:
            k, v = (tf.repeat(x, 3, axis=2) for x in (k, v))
        p = tf.nn.softmax(tf.einsum("bthd,bshd->bhts", q, k))
        return tf.einsum("bhts,bshd->bthd", p, v)

    node = check(tmp_path, function, {"q": q, "k": k, "v": v})
    assert (node.attr["heads"].i, node.attr["kv_heads"].i) == (6, 1 if spelling == "one" else 2)


STAY = {
    "probabilities are a result": lambda p, v: (tf.einsum("bhts,bshd->bthd", p, v), p),
    "probabilities are changed": lambda p, v: tf.einsum("bhts,bshd->bthd", p / 2.0, v),
    "probabilities read twice": lambda p, v: tf.einsum("bhts,bshd->bthd", p, v) + tf.reduce_sum(p),
}


@pytest.mark.parametrize("case", STAY)
def test_what_the_op_cannot_do_stays(tmp_path, case):
    def function(q, k, v):
        result = STAY[case](tf.nn.softmax(tf.einsum("bthd,bshd->bhts", q, k)), v)
        return {"y": result} if tf.is_tensor(result) else dict(zip("yp", result, strict=True))

    view = view_of(tmp_path, function, dict.fromkeys("qkv", spec(None, None, H, D)))
    found, (stayed,) = find_attentions(view)
    assert not found
    assert stayed.reason.startswith("its probabilities")


def test_a_classifier_is_no_attention(tmp_path):
    weights = normal((D, 5))
    function = lambda x: {"y": tf.nn.softmax(tf.matmul(x, weights))}  # noqa: E731
    assert find_attentions(view_of(tmp_path, function, {"x": spec(None, D)})) == ([], [])


def masked_layer(k):
    given = k.layers.Input((None,), dtype="int32", name="x")
    x = k.layers.Embedding(20, 12, mask_zero=True)(given)
    x = k.layers.MultiHeadAttention(3, 4, name="mha")(x, x, use_causal_mask=True)
    return k.Model(given, x), np.array([[3, 4, 5, 0, 0], [1, 2, 3, 4, 5]], np.int32)


def plain_layer(k, length=None, **call):
    x = k.layers.Input((length, 12), name="x")
    return k.Model(x, k.layers.MultiHeadAttention(3, 4, name="mha")(x, x, **call)), normal(
        (2, 6, 12)
    )


def layer_of_two(k):
    q, v = k.layers.Input((None, 12), name="q"), k.layers.Input((None, 10), name="v")
    mask = k.layers.Input((None, None), dtype="bool", name="m")
    y = k.layers.MultiHeadAttention(3, 4, value_dim=5, name="mha")(q, v, attention_mask=mask)
    kept = np.random.default_rng(0).random((2, 5, 7)) < 0.6
    return k.Model([q, v, mask], y), [normal((2, 5, 12)), normal((2, 7, 10)), kept]


def attention_layer(k, **settings):
    q, v = k.layers.Input((None, 12), name="q"), k.layers.Input((None, 12), name="v")
    y = k.layers.Attention(name="mha", **settings)([q, v], use_causal_mask=True)
    return k.Model([q, v], y), [normal((2, 5, 12)), normal((2, 7, 12), 1)]


def grouped_layer(k, length=None):
    x = k.layers.Input((length, 12), name="x")
    layer = k.layers.GroupQueryAttention(4, 6, 2, name="mha")
    return k.Model(x, layer(x, x, use_causal_mask=True)), normal((2, 6, 12))


BOTH = {
    "layer": plain_layer,
    "fixed layer": lambda k: plain_layer(k, 6),
    "causal layer": lambda k: plain_layer(k, use_causal_mask=True),
    "fixed causal layer": lambda k: plain_layer(k, 6, use_causal_mask=True),
    "masked layer": masked_layer,
    "layer of two": layer_of_two,
    "attention": attention_layer,
    "scaled attention": lambda k: attention_layer(k, use_scale=True),
}
KERAS_3 = {"grouped": grouped_layer, "fixed grouped": lambda k: grouped_layer(k, 6)}
CASES = [(keras, name) for name in (*BOTH, *KERAS_3)] + [(tf_keras, name) for name in BOTH]


@pytest.mark.parametrize(("k", "case"), CASES, ids=[f"{k.__name__}-{case}" for k, case in CASES])
def test_layers(k, case):
    model, x = (BOTH | KERAS_3)[case](k)
    converted = tfsparse.convert(model)
    (row,) = [each for each in converted.report.whole_layers if each.kind == "attention"]
    assert row.converted, row.reason
    assert "mha" in row.layer
    (node,) = nodes(converted.graph_def(), OP)
    assert node.attr["causal"].b == (case not in ("layer", "fixed layer", "layer of two"))
    wanted = np.asarray(model(x))
    named = dict(zip("qvm", x, strict=False)) if isinstance(x, list) else None
    (y,) = (converted(x) if named is None else converted(**named)).values()
    np.testing.assert_allclose(y, wanted, rtol=2e-5, atol=2e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_mixed_precision(k, policy):
    k.mixed_precision.set_global_policy(policy)
    try:
        model, x = plain_layer(k, use_causal_mask=True)
    finally:
        k.mixed_precision.set_global_policy("float32")
    converted = tfsparse.convert(model)
    assert len(nodes(converted.graph_def(), OP)) == 1
    wanted = np.asarray(model(x), np.float32)
    (y,) = converted(x).values()
    np.testing.assert_allclose(np.asarray(y, np.float32), wanted, atol=0.03 * np.abs(wanted).max())


def test_scores_that_are_asked_for_stay():
    x = keras.layers.Input((6, 12), name="x")
    layer = keras.layers.MultiHeadAttention(3, 4, name="mha")
    model = keras.Model(x, layer(x, x, return_attention_scores=True))
    report = tfsparse.convert(model).report
    (row,) = report.whole_layers
    assert not row.converted
    assert "probabilities" in row.reason
    assert "probabilities" in str(report)


def test_a_layer_may_be_skipped():
    model, _ = plain_layer(keras)
    report = tfsparse.convert(model, overrides={"mha": "skip"}).report
    (row,) = report.whole_layers
    assert (row.converted, row.reason) == (False, "skipped by `overrides`")


def test_a_bias_that_is_projected_is_not_taken_for_the_scores(tmp_path):
    weights = normal((D, S), 8)

    def function(q, k, v):
        bias = tf.transpose(tf.matmul(q, tf.constant(weights)), [0, 2, 1, 3])
        return by_matmul(q, k, v, lambda s: bias + s)

    check(tmp_path, function, inputs(), open_sizes=False)


def test_queries_that_are_broadcast_over_the_batch_stay(tmp_path):
    def function(q, k, v):
        s = tf.matmul(heads_first(q)[:1], heads_first(k), transpose_b=True)
        return {"y": tf.matmul(tf.nn.softmax(s), heads_first(v))}

    shapes = {"q": spec(1, None, H, D)} | dict.fromkeys("kv", spec(None, None, H, D))
    assert find_attentions(view_of(tmp_path, function, shapes)) == ([], [])


def test_one_row_of_scores_for_many_masks_stays(tmp_path):
    def function(q, k, v, m):
        p = tf.nn.softmax(tf.einsum("bthd,bshd->bhts", q, k) + m[:, None, None, :])
        return {"y": tf.einsum("bhts,bshd->bthd", p, v)}

    shapes = {"q": spec(1, T, H, D), "k": spec(1, S, H, D), "v": spec(None, S, H, D)}
    view = view_of(tmp_path, function, shapes | {"m": spec(None, S)})
    assert not find_attentions(view)[0]
