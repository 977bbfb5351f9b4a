import gzip
import json

import bert_squad
import keras
import numpy as np
import pytest
from small_minilm import HEADS, random_weights
from support import minilm, pretraining
from support.squad import FILE
from support.word_pieces import SPECIAL, WordPieces

WORDS = ["what", "is", "red", "?", ".", "a", *(f"t{i}" for i in range(18))]
LENGTH = 12


def write_squad(root):
    """Forty-eight articles of which each names the thing that is red."""
    random = np.random.default_rng(0)
    articles = []
    for number in range(48):
        things = [f"t{i}" for i in random.permutation(18)[:8]]
        context = " ".join(things[:5]) + f" is red. {things[6]} is a {things[7]}."
        answer = {"text": things[4], "answer_start": context.index(f"{things[4]} is red")}
        entry = {"question": "What is red?", "answers": [answer]}
        paragraphs = [{"context": context, "qas": [entry]}]
        articles.append({"title": f"a{number:02}", "paragraphs": paragraphs})
    path = root / FILE
    path.parent.mkdir()
    with gzip.open(path, "wt", encoding="utf-8") as file:
        json.dump({"data": articles}, file)


@pytest.fixture
def data(tmp_path, monkeypatch):
    pieces = WordPieces([*SPECIAL, *WORDS])
    weights = random_weights(len(pieces.pieces))
    monkeypatch.setattr(minilm, "HEADS", HEADS)
    monkeypatch.setattr(minilm, "pieces", lambda: pieces)
    monkeypatch.setattr(minilm, "read_weights", lambda: weights)
    monkeypatch.setattr(pretraining, "TAUGHT", {0: 1})
    monkeypatch.setattr(bert_squad, "CACHE", tmp_path / "cache")
    recipe = bert_squad.Recipe(epochs=1, learning_rate=3e-3, batch=8)
    monkeypatch.setattr(bert_squad, "DENSE", dict.fromkeys(bert_squad.MODELS, recipe))
    monkeypatch.setattr(bert_squad, "MINI", {"width": 16, "layers": 1, "heads": 2, "ffn": 32})
    write_squad(tmp_path)
    yield tmp_path
    keras.config.set_dtype_policy("float32")


def options(data, *words):
    length = ["--length", str(LENGTH), "--stride", "4", "--batch", "8", "--data", str(data)]
    return bert_squad.parsed([*length, *words])


@pytest.mark.long
def test_the_small_model_learns_from_minilm_and_is_pruned(data):
    words = ["--model", "mini", "--pattern", "4x1", "--sparsity", "0.5", "--epochs", "1"]
    result = bert_squad.run(options(data, *words, "--held-out"))
    assert result["kernel_sparsity"] == pytest.approx(0.5, abs=0.02)
    assert result["dense"].keys() == result["result"].keys() == {"exact_match", "f1"}
    assert result["length"] == LENGTH and result["model"] == "mini" and "data" not in result
    names = {path.name for path in (data / "cache").iterdir()}
    assert names == {
        "squad-mini-12-4.weights.h5",
        "squad-mini-12-4-dense.weights.h5",
        "squad-mini-12-4-dense-logits.npy",
        "squad-minilm-12-4-dense.weights.h5",
        "squad-minilm-12-4-dense-logits.npy",
    }


@pytest.mark.long
def test_minilm_is_trained_once_and_teaches_by_its_logits(data, capsys):
    experiment = bert_squad.Experiment(options(data, "--model", "minilm"))
    assert len(experiment.train.tokens) > 35 and max(map(len, experiment.train.tokens)) == LENGTH
    assert "Train the dense model" in capsys.readouterr().out
    again = bert_squad.Experiment(options(data, "--model", "minilm"))
    assert "Train the dense model" not in capsys.readouterr().out
    assert again.score(again.dense) == experiment.score(experiment.dense)
    rows = experiment.rows(experiment.dense, experiment.train)
    taught = experiment.taught()
    assert taught.labels.shape == (len(rows), 2, 1 + LENGTH)
    np.testing.assert_array_equal(taught.labels[..., :1], experiment.train.labels)
    for row, labels in zip(rows, taught.labels, strict=True):
        np.testing.assert_allclose(labels[:, 1 : 1 + row.shape[1]], row, atol=0.02, rtol=1e-2)


def test_epochs_rate_and_batch_are_the_models_own_if_none_are_given():
    recipe = bert_squad.PRUNING["minilm"]
    found = bert_squad.parsed(["--model", "minilm", "--epochs", "9"])
    assert (found.epochs, found.learning_rate, found.batch) == (
        9,
        recipe.learning_rate,
        recipe.batch,
    )
