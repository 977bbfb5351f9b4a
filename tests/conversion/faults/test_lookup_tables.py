"""Lookup tables, vocabularies and other assets are a part of the model and stay so.

Reported: models with StringLookup or TextVectorization inside were refused.
"""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from .models import BOTH, INT8_BOUND, assert_close, kernel, normal, serve, signatures, spec, thin

pytestmark = pytest.mark.one_keras

WORDS = ["red", "green", "blue", "grey", "black", "white"]
TEXT = np.array([["red", "blue"], ["none of them", "white"], ["", "green"]])


def _head(k, inputs, x):
    x = k.layers.Flatten()(k.layers.Embedding(64, 128, name="table")(x))
    return thin(k.Model(inputs, k.layers.Dense(256, activation="relu", name="d")(x)))


def _string_lookup(k):
    inputs = k.Input((2,), dtype="string", name="x")
    return _head(k, inputs, k.layers.StringLookup(vocabulary=WORDS)(inputs)), TEXT


def _several_unknown(k):
    inputs = k.Input((2,), dtype="string", name="x")
    layer = k.layers.StringLookup(vocabulary=WORDS, num_oov_indices=3, mask_token="")
    return _head(k, inputs, layer(inputs)), TEXT


def _integer_lookup(k):
    inputs = k.Input((2,), dtype="int64", name="x")
    layer = k.layers.IntegerLookup(vocabulary=[3, 1000, 7])
    return _head(k, inputs, layer(inputs)), np.int64([[3, 7], [1000, -5]])


def _hashing(k):
    inputs = k.Input((2,), dtype="string", name="x")
    return _head(k, inputs, k.layers.Hashing(num_bins=50)(inputs)), TEXT


def _discretization(k):
    inputs = k.Input((2,), name="x")
    layer = k.layers.Discretization(bin_boundaries=[-1.0, 0.0, 0.5])
    return _head(k, inputs, layer(inputs)), np.float32([[-3, 0.1], [0.7, -0.5]])


def _text_vectorization(k, **options):
    inputs = k.Input((), dtype="string", name="x")
    layer = k.layers.TextVectorization(max_tokens=50, output_sequence_length=4, **options)
    layer.adapt(["red green blue", "blue, red! white", "grey and black"])
    texts = np.array(["red blue unknown", "White BLACK", ""])
    return _head(k, inputs, layer(inputs)), texts


def _pairs_of_words(k):
    return _text_vectorization(k, ngrams=2)


def _back_to_strings(k):
    inputs = k.Input((2,), name="x")
    x = k.layers.Dense(256, activation="relu", name="d")(k.layers.Dense(256, name="e")(inputs))
    best = k.ops.argmax(x, axis=-1) if k is keras else tf.argmax(x, axis=-1)
    layer = k.layers.StringLookup(vocabulary=[f"c{i}" for i in range(255)], invert=True)
    return thin(k.Model(inputs, layer(best))), normal((4, 2))


MODELS = {
    each.__name__.strip("_").replace("_", " "): each
    for each in (
        _string_lookup,
        _several_unknown,
        _integer_lookup,
        _hashing,
        _discretization,
        _text_vectorization,
        _pairs_of_words,
        _back_to_strings,
    )
}


@BOTH
@pytest.mark.parametrize("case", MODELS)
def test_layers_of_keras(tmp_path, k, case):
    model, x = MODELS[case](k)
    x = tf.constant(x)
    expected = np.asarray(model(x))
    served = serve(tmp_path, model)
    assert "d" in served.converted and not served.stayed.keys() - {"e"}
    shutil.move(served.folder, tmp_path / "elsewhere")
    moved = tf.saved_model.load(str(tmp_path / "elsewhere"))
    assert_close(moved.serve(x).numpy(), expected)
    (result,) = moved.signatures["serving_default"](x=x).values()
    assert_close(result.numpy(), expected)


@BOTH
def test_int8_is_calibrated_on_text(tmp_path, k):
    model, x = _text_vectorization(k)
    data = np.array(["red", "blue white", "black and green", "blue blue blue blue"] * 4)
    served = serve(tmp_path, model, "int8", data)
    assert served.report["d"].precision == "int8"
    assert_close(served.only(x), np.asarray(model(tf.constant(x))), INT8_BOUND)


class Tables(tf.Module):
    """The tables that TensorFlow itself has."""

    def __init__(self, vocabulary):
        super().__init__()
        self.w = tf.Variable(kernel(256, 256), name="d/kernel")
        keys, values = tf.constant(WORDS), tf.range(6, dtype=tf.int64)
        pairs = tf.lookup.KeyValueTensorInitializer(keys, values)
        lines = tf.lookup.TextFileInitializer(
            vocabulary,
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        self.static = tf.lookup.StaticHashTable(pairs, -1)
        self.file = tf.lookup.StaticHashTable(lines, -1)
        self.buckets = tf.lookup.StaticVocabularyTable(pairs, 5)
        self.changing = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, 0)
        self.changing.insert(tf.constant(["red"]), tf.constant([40], tf.int64))
        self.asset = tf.saved_model.Asset(vocabulary)

    @tf.function(input_signature=[spec(None, 256), spec(None, dtype=tf.string)])
    def static_table(self, x, words):
        return {"y": x @ self.w, "ids": self.static.lookup(words)}

    @tf.function(input_signature=[spec(None, 256), spec(None, dtype=tf.string)])
    def table_of_a_file(self, x, words):
        return {"y": x @ self.w, "ids": self.file.lookup(words)}

    @tf.function(input_signature=[spec(None, 256), spec(None, dtype=tf.string)])
    def table_with_buckets(self, x, words):
        return {"y": x @ self.w, "ids": self.buckets.lookup(words)}

    @tf.function(input_signature=[spec(None, 256), spec(None, dtype=tf.string)])
    def table_in_map_fn(self, x, words):
        ids = tf.map_fn(self.static.lookup, words, fn_output_signature=tf.int64)
        return {"y": x @ self.w, "ids": ids}

    @tf.function(input_signature=[spec(None, 256), spec(None, dtype=tf.string)])
    def table_in_if(self, x, words):
        some = tf.size(words) > 1
        lookup = tf.cond(
            some, lambda: self.static.lookup(words), lambda: self.file.lookup(words) + 100
        )
        return {"y": x @ self.w, "ids": lookup}

    @tf.function(input_signature=[spec(None, 256), spec(None, dtype=tf.string)])
    def table_that_changes(self, x, words):
        ids = self.changing.lookup(words)
        self.changing.insert(words, ids + 1)
        return {"y": x @ self.w, "ids": ids}

    @tf.function(input_signature=[spec(None, 256), spec(None, dtype=tf.string)])
    def file_that_is_read(self, x, words):
        return {"y": x @ self.w, "text": tf.io.read_file(self.asset) + words[0]}


FUNCTIONS = [name for name in vars(Tables) if name.startswith(("table", "static", "file"))]


@pytest.fixture
def source(tmp_path):
    (tmp_path / "vocabulary.txt").write_text("\n".join(reversed(WORDS)))
    module = Tables(str(tmp_path / "vocabulary.txt"))
    functions = {name: getattr(module, name) for name in FUNCTIONS}
    folder, loaded = signatures(tmp_path, module, **functions)
    (tmp_path / "vocabulary.txt").unlink()
    return folder, loaded


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tables_of_tensorflow(tmp_path, source, name):
    folder, loaded = source
    served = serve(tmp_path, folder, signatures=[name])
    assert served.converted == ["d"]
    x = tf.constant(normal((3, 256)))
    texts = [tf.constant(words) for words in (["red", "none", "white"], ["red"], ["red"])]
    expected = [loaded.signatures[name](x=x, words=words) for words in texts]
    shutil.rmtree(folder)  # what is served has its own assets
    shutil.move(served.folder, tmp_path / "elsewhere")
    moved = tf.saved_model.load(str(tmp_path / "elsewhere"))
    for words, wanted in zip(texts, expected, strict=True):
        result = moved.signatures[name](x=x, words=words)
        for key, value in wanted.items():
            assert_close(result[key].numpy(), value.numpy())


def test_all_tables_at_once(tmp_path, source):
    folder, loaded = source
    served = serve(tmp_path, folder)
    assert set(served.converted) == {"d"}
    x, words = tf.constant(normal((3, 256))), tf.constant(["red", "none"])
    for name in FUNCTIONS:
        expected = loaded.signatures[name](x=x, words=words)
        result = served.loaded.signatures[name](x=x, words=words)
        for key, value in expected.items():
            assert_close(result[key].numpy(), value.numpy())
    files = {path.name for path in (served.folder / "assets").iterdir()}
    assert files == {path.name for path in (folder / "assets").iterdir()}
