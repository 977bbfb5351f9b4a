import json

import numpy as np
import pytest
from small_minilm import HEADS, WIDTH, random_weights
from support import bert, minilm, pretraining
from support.text_tasks import Encoded


@pytest.fixture
def weights(monkeypatch):
    monkeypatch.setattr(minilm, "HEADS", HEADS)
    return random_weights()


def attention_by_hand(weights, hidden):
    def dense(part, x):
        name = f"encoder.layer.0.attention.{part}"
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    heads = []
    for head in np.split(np.arange(WIDTH), 2):
        query, key, value = (
            dense(f"self.{part}", hidden)[:, head] for part in ("query", "key", "value")
        )
        scores = np.exp(query @ key.T / np.sqrt(WIDTH / 2))
        heads.append(scores / scores.sum(1, keepdims=True) @ value)
    return dense("output.dense", np.concatenate(heads, axis=1))


def test_heads_are_cut_as_pytorch_cuts_them(weights):
    block = minilm.encoder(weights, np.arange(30)).get_layer("block_0")
    hidden = np.random.default_rng(1).normal(size=(5, WIDTH)).astype(np.float32)
    found = block.attention(hidden[None], hidden[None])[0]
    np.testing.assert_allclose(found, attention_by_hand(weights, hidden), atol=1e-4)


def test_reads_safetensors(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    ids = np.arange(2, dtype=np.int64)
    header = {
        "__metadata__": {"format": "pt"},
        "ids": {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]},
        "values": {"dtype": "F32", "shape": [2, 3], "data_offsets": [16, 40]},
    }
    text = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + ids.tobytes() + values.tobytes())
    found = minilm.read_weights(path)
    assert list(found) == ["values"]
    np.testing.assert_array_equal(found["values"], values)


def test_narrower_embeddings_keep_what_the_components_can(weights):
    student = bert.encoder(30, width=20, layers=1, heads=2, ffn=8)
    minilm.start_from(student, weights, np.arange(30))
    words = weights["embeddings.word_embeddings.weight"]
    found = student.get_layer("embedding").pieces.get_weights()[0]
    distances = [
        np.linalg.norm(values[:, None] - values[None], axis=-1) for values in (words, found)
    ]
    assert np.corrcoef(distances[0].ravel(), distances[1].ravel())[0, 1] > 0.95


def test_the_error_counts_what_is_no_padding():
    target = np.zeros((1, 3, 2), np.float32)
    target[0, :2] = 1.0
    output = np.full((1, 3, 2), 2.0, np.float32)
    output[0, 2] = 100.0
    assert float(pretraining.squared_error(target, output)) == pytest.approx(1.0)


def test_outputs_come_in_the_order_of_the_texts(weights, monkeypatch):
    monkeypatch.setattr(pretraining, "TAUGHT", {0: 0, 1: 1})
    model = minilm.encoder(weights, np.arange(30))
    tokens = [[3, 4, 5, 6], [7], [8, 9]]
    encoded = Encoded(tokens, [[0] * len(t) for t in tokens], np.zeros(3, np.int32))
    found = pretraining.outputs(model, encoded, size=2)
    assert [row.shape for row in found] == [(2, len(t), WIDTH) for t in tokens]
    alone = model.predict(
        {"tokens": np.array([[8, 9]]), "segments": np.zeros((1, 2), int)}, verbose=0
    )
    np.testing.assert_allclose(found[2][1], alone[1][0], atol=2e-2)
