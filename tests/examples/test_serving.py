import keras
import numpy as np
import pytest
from support import bert, serving
from support.scores import scores
from support.text_tasks import Encoded
from support.training import with_features

import tfsparse


def texts(count, seed):
    random = np.random.default_rng(seed)
    tokens = [random.integers(1, 50, random.integers(3, 30)).tolist() for _ in range(count)]
    return Encoded(tokens, [[0] * len(each) for each in tokens], random.integers(0, 2, count))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return bert.classifier(bert.encoder(50, width=64, layers=1, heads=2, ffn=128))


def test_inputs_are_padded_to_a_length_or_the_longest():
    encoded = Encoded([[3, 4, 5], [6]], [[0, 0, 1], [0]], np.array([0, 1]))
    assert serving.inputs_of(encoded)["tokens"].tolist() == [[3, 4, 5], [6, 0, 0]]
    longer = serving.inputs_of(encoded, 5)
    assert longer["tokens"].tolist() == [[3, 4, 5, 0, 0], [6, 0, 0, 0, 0]]
    assert longer["segments"].tolist() == [[0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]


def test_logits_come_in_the_order_of_the_texts(model):
    test = texts(9, seed=1)
    found = serving.predict(lambda **x: model.predict(x, verbose=0), test, batch=4)
    for place in (0, 5, 8):
        alone = model.predict(serving.inputs_of(test.taken(np.array([place]))), verbose=0)
        np.testing.assert_allclose(found[place : place + 1], alone, atol=1e-5)


def test_rows_may_be_as_long_as_their_texts():
    test = texts(9, seed=1)
    found = serving.predict(lambda tokens, segments: tokens[:, None], test, batch=2)
    for row, tokens in zip(found, test.tokens, strict=True):
        assert row[0, : len(tokens)].tolist() == tokens


def test_features_behind_the_logits_are_left_out(model):
    inputs = serving.inputs_of(texts(2, seed=2))
    found = serving.logits_of(with_features(model)).predict(inputs, verbose=0)
    np.testing.assert_allclose(found, model.predict(inputs, verbose=0), atol=1e-6)


@pytest.mark.long
def test_weights_are_taken_from_a_pruned_model_of_another_type(model):
    def build(dtype):
        keras.config.set_dtype_policy(dtype)
        return bert.classifier(bert.encoder(50, width=64, layers=1, heads=2, ffn=128))

    once = tfsparse.OneShot(0.5)
    try:
        half = with_features(serving.with_weights_of(model, build("mixed_bfloat16")))
        pruned = tfsparse.strip_pruning(tfsparse.prune_block(half, "4x1", once, exclude=["class"]))
        expected = pruned.predict(serving.inputs_of(texts(3, seed=5)), verbose=0)
        plain = build("float32")
    finally:
        keras.config.set_dtype_policy("float32")
    inputs = serving.inputs_of(texts(3, seed=5))
    found = serving.with_weights_of(pruned, plain).predict(inputs, verbose=0)
    np.testing.assert_allclose(found, np.asarray(expected, np.float32)[:, :2], atol=0.03)
    assert np.mean(plain.get_layer("block_0").ffn_in.kernel.numpy() == 0) == pytest.approx(0.5)


@pytest.mark.long
def test_the_exported_model_is_scored_and_timed(model, tmp_path):
    once = tfsparse.OneShot(0.5)
    pruned = tfsparse.strip_pruning(tfsparse.prune_block(model, "4x1", once, exclude=["class"]))
    test = texts(40, seed=3)

    def score(rows):
        return scores(np.stack(rows), test.labels)

    calibration = texts(64, seed=4)
    found = serving.served(
        model, pruned, calibration, test, tmp_path, score, length=32, seconds=0.01
    )
    with np.load(tmp_path / serving.TIMED) as timed:
        assert timed["tokens"].shape == (max(serving.BATCHES), 32)
    outputs = np.stack(serving.predict(lambda **x: pruned.predict(x, verbose=0), test))
    assert found["accuracy"] == pytest.approx(scores(outputs, test.labels)["accuracy"], abs=0.11)
    assert found["precision"] == "int8"
    assert found["converted"].startswith("6 of")
    assert [each["batch"] for each in found["timings"]] == list(serving.BATCHES)
    assert found["float32"] == scores(outputs, test.labels)
    again = serving.timings(tmp_path, "int8", seconds=0.01)
    for each in found["timings"] + again:
        assert each["speedup"] == pytest.approx(each["dense_ms"] / each["ms"])
