import keras
import numpy as np
import pytest
from support import bert, span
from support.serving import inputs_of, predict
from support.text_tasks import Encoded
from support.training import Taught, fit

import tfsparse


def small(vocabulary=20):
    return span.finder(bert.encoder(vocabulary, width=16, layers=1, heads=2, ffn=32, longest=16))


def inputs(tokens):
    tokens = np.array(tokens, np.int32)
    return {"tokens": tokens, "segments": np.zeros_like(tokens)}


def test_what_pads_has_no_chance_and_changes_nothing():
    keras.utils.set_random_seed(0)
    model = small()
    short = model.predict(inputs([[5, 6, 7]]), verbose=0)
    padded = model.predict(inputs([[5, 6, 7, 0, 0]]), verbose=0)
    assert short.shape == (1, 2, 3)
    np.testing.assert_allclose(padded[..., :3], short, atol=1e-5)
    assert (padded[..., 3:] < span.NEVER / 2).all()


def test_places_end_where_the_encoder_was_told():
    embedding = small().get_layer("embedding")
    assert embedding.places.get_weights()[0].shape == (16, 16)
    assert bert.TextEmbedding.from_config(embedding.get_config()).longest == 16


def test_the_loss_is_that_of_classes_for_beginnings_and_ends():
    random = np.random.default_rng(0)
    logits = random.normal(size=(3, 2, 5)).astype(np.float32)
    teacher = random.normal(size=(3, 2, 5)).astype(np.float32)
    labels = random.integers(0, 5, (3, 2, 1)).astype(np.float32)
    for weight in (0.0, 0.7):
        beside = span.with_logits(labels, list(teacher), length=5)
        expected = np.mean(
            [float(Taught(weight, classes=5)(beside[:, i], logits[:, i])) for i in range(2)]
        )
        found = span.TaughtSpans(weight)(beside, logits)
        assert float(found) == pytest.approx(expected, rel=1e-5)


def test_logits_beside_labels_are_padded_and_cut():
    labels = np.array([[[1], [2]], [[0], [0]]], np.float32)
    rows = [np.ones((2, 3), np.float32), np.full((2, 6), 2.0, np.float32)]
    found = span.with_logits(labels, rows, length=4)
    assert found.shape == (2, 2, 5)
    np.testing.assert_array_equal(found[0, 1], [2, 1, 1, 1, span.NEVER])
    np.testing.assert_array_equal(found[1, 0], [0, 2, 2, 2, 2])
    assert np.isfinite(found.astype(np.float16)).all()


def test_a_teacher_of_longer_windows_is_read_as_far_as_the_batch_goes():
    logits = np.random.default_rng(1).normal(size=(1, 2, 3)).astype(np.float32)
    labels = np.ones((1, 2, 1), np.float32)
    losses = [
        float(span.TaughtSpans(1.0)(span.with_logits(labels, [logits[0]], length), logits))
        for length in (3, 9)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.long
def test_the_exported_model_gives_the_logits_of_texts_of_any_length(tmp_path):
    keras.utils.set_random_seed(0)
    body = bert.encoder(20, width=64, layers=1, heads=2, ffn=256, longest=16)
    pruned = tfsparse.prune_block(
        span.finder(body), "4x1", tfsparse.OneShot(0.5), exclude=["class"]
    )
    model = tfsparse.strip_pruning(pruned)
    texts = planted(12, 2)
    calibration = [inputs_of(texts)]
    report = tfsparse.export(
        model, tmp_path / "int8", precision="int8", calibration_data=calibration
    )
    assert any(op.converted for op in report)
    with tfsparse.load(tmp_path / "int8") as served:
        found = predict(served, texts, batch=5)
    expected = predict(lambda **x: model.predict_on_batch(x), texts, batch=5)
    for row, reference, tokens in zip(found, expected, texts.tokens, strict=True):
        assert row.shape == reference.shape and row.shape[1] >= len(tokens)
        np.testing.assert_allclose(row[:, : len(tokens)], reference[:, : len(tokens)], atol=0.1)
        assert (row[:, len(tokens) :] < span.NEVER / 2).all()


def planted(count, seed):
    """Texts in which piece 3 begins the span and piece 4 ends it."""
    random = np.random.default_rng(seed)
    tokens, labels = [], []
    for _ in range(count):
        text = random.integers(5, 20, random.integers(6, 12))
        start, end = sorted(random.choice(len(text), 2, replace=False))
        text[start], text[end] = 3, 4
        tokens.append(text.tolist())
        labels.append([[start], [end]])
    return Encoded(tokens, [[0] * len(t) for t in tokens], np.array(labels, np.float32))


@pytest.mark.long
def test_a_pruned_model_learns_what_was_planted():
    keras.utils.set_random_seed(0)
    schedule = tfsparse.OneShot(0.5)
    model = tfsparse.prune_block(small(), "4x1", schedule, exclude=["class"])
    loss = span.TaughtSpans()
    adam = keras.optimizers.Adam(1e-2)
    history = fit(model, planted(512, 0).batches(32, seed=0), 4, adam, loss)
    assert history.history["accuracy"][-1] > 0.9
    test = planted(64, 1)
    right = [
        model.predict(inputs([tokens]), verbose=0)[0].argmax(-1).tolist() == labels[:, 0].tolist()
        for tokens, labels in zip(test.tokens[:16], test.labels[:16], strict=True)
    ]
    assert np.mean(right) > 0.8
