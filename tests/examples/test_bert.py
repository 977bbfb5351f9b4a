import keras
import numpy as np
import pytest
from support import bert

import tfsparse


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return bert.classifier(bert.encoder(50, width=16, layers=2, heads=2, ffn=32))


def inputs(tokens):
    tokens = np.array(tokens, np.int32)
    return {"tokens": tokens, "segments": np.zeros_like(tokens)}


def test_padding_changes_nothing(model):
    short = model.predict(inputs([[5, 6, 7]]), verbose=0)
    padded = model.predict(inputs([[5, 6, 7, 0, 0], [5, 6, 7, 8, 9]]), verbose=0)
    np.testing.assert_allclose(padded[:1], short, atol=1e-6)
    assert not np.allclose(padded[1], short[0], atol=1e-3)


def test_order_and_segments_matter(model):
    texts = inputs([[5, 6, 7], [7, 6, 5], [5, 6, 7]])
    texts["segments"][2] = 1
    logits = model.predict(texts, verbose=0)
    assert not np.allclose(logits[0], logits[1], atol=1e-4)
    assert not np.allclose(logits[0], logits[2], atol=1e-4)


def test_all_projections_of_a_block_are_pruned_and_no_embedding(model):
    pruned = tfsparse.prune_block(model, "4x1", 0.9, exclude=["class"])
    report = tfsparse.sparsity_report(pruned)
    assert len(report.kernels) == 2 * 6
    assert all(kernel.layer.startswith("block_") for kernel in report.kernels)


@pytest.mark.long
def test_padding_changes_nothing_in_a_pruned_model(model):
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), exclude=["class"])
    short = pruned.predict(inputs([[5, 6, 7]]), verbose=0)
    padded = pruned.predict(inputs([[5, 6, 7, 0, 0], [5, 6, 7, 8, 9]]), verbose=0)
    np.testing.assert_allclose(padded[:1], short, atol=1e-6)
    assert not np.allclose(short, model.predict(inputs([[5, 6, 7]]), verbose=0), atol=1e-4)


def test_pairs_are_compared_text_by_text():
    hidden = np.arange(12, dtype=np.float32).reshape(1, 4, 3)
    tokens, segments = np.array([[7, 8, 9, 0]]), np.array([[0, 0, 1, 0]])
    first, second = hidden[0, :2].mean(0), hidden[0, 2]
    expected = np.concatenate([np.abs(first - second), first * second])
    np.testing.assert_allclose(bert.PairFeatures()(hidden, tokens, segments)[0], expected)


def test_saves_and_loads(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    texts = inputs([[5, 6, 7, 0]])
    expected = model.predict(texts, verbose=0)
    np.testing.assert_allclose(loaded.predict(texts, verbose=0), expected, atol=1e-6)
