"""The small BERT's first training: it learns MiniLM's outputs on the tasks' own texts.

TinyBERT's first phase without its attention maps. The embeddings begin as the principal
components of MiniLM's. For every piece of a text, the outputs of the second and the fourth
block, sent through a linear layer each that is thrown away afterwards, approach the outputs
of MiniLM's third and sixth. No label is seen, and no text to be tested on.

Reference:

- Wang et al., "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of
  Pre-Trained Transformers", 2020.
- Jiao et al., "TinyBERT: Distilling BERT for Natural Language Understanding", 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from support import bert, minilm
from support.text_tasks import Encoded, Task, mrpc, padded, sst2
from support.word_pieces import WordPieces

# Block of the small model: the block of MiniLM whose output it learns.
TAUGHT = {1: 2, 3: 5}
EPOCHS = 5
BATCH_SIZE = 32
LEARNING_RATE = 1e-3


def vocabulary(tasks: list[Task]) -> tuple[WordPieces, np.ndarray]:
    """The pieces of MiniLM that the training texts need, and their places in its vocabulary.

    Fewer than all 30,522, because Adam updates every row of an embedding in every step.
    """
    full = minilm.pieces()
    pieces = full.restricted_to(text for task in tasks for text in task.texts())
    places = {piece: place for place, piece in enumerate(full.pieces)}
    return pieces, np.array([places[piece] for piece in pieces.pieces])


def pretrained(root: Path, cache: Path, seed: int = 0) -> tuple[keras.Model, WordPieces]:
    """The small encoder in the current dtype policy, with its vocabulary.

    Args:
        root: Folder with the data sets.
        cache: File of weights; trained in float32 and written if it is absent.
        seed: Of initial values, dropout and the order of texts.
    """
    tasks = [sst2(root), mrpc(root)]
    pieces, kept = vocabulary(tasks)
    student = distilled(
        lambda: bert.encoder(len(kept)),
        lambda: minilm.encoder(minilm.read_weights(), kept),
        lambda: Encoded.of([(text, 0) for text in corpus(tasks)], pieces),
        kept,
        cache,
        seed,
    )
    return student, pieces


def distilled(
    build: Callable[[], keras.Model],
    teacher: Callable[[], keras.Model],
    texts: Callable[[], Encoded],
    kept: np.ndarray,
    cache: Path,
    seed: int = 0,
    epochs: int = EPOCHS,
) -> keras.Model:
    """A small encoder, in the current dtype policy, that has learned a larger one's outputs.

    Args:
        build: Makes the small encoder; its embeddings are set here.
        teacher: Makes the larger one.
        texts: What to learn on; labels are not read.
        kept: Places of their pieces in MiniLM's vocabulary.
        cache: File of weights; trained in float32 and written if it is absent.
        seed: Of initial values, dropout and the order of texts.
        epochs: Passes over the texts.
    """
    if not cache.is_file():
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float32")
        keras.utils.set_random_seed(seed)
        student, encoded = build(), texts()
        minilm.start_from(student, minilm.read_weights(), kept)
        print(f"MiniLM reads {len(encoded.tokens):,} texts, once", flush=True)
        targets = outputs(teacher(), encoded)
        print(f"The small BERT learns from it, {epochs} epochs", flush=True)
        learn(student, encoded, targets, seed, epochs)
        save_weights(student, cache)
        keras.config.set_dtype_policy(policy)
    student = build()
    student.load_weights(cache)
    return student


def body_of(model: keras.Model) -> keras.Model:
    """The encoder inside a model that was made of `bert.encoder`."""
    blocks = [layer.output for layer in model.layers if isinstance(layer, bert.TransformerBlock)]
    return keras.Model(model.input, blocks)


def save_weights(model: keras.Model, path: Path) -> None:
    """Saves beside the file and renames, so that half a file is never loaded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Keras asks for this ending.
    unfinished = path.with_name("unfinished-" + path.name)
    model.save_weights(unfinished)
    unfinished.replace(path)


def corpus(tasks: list[Task]) -> list[tuple[str, ...]]:
    """Training texts, also those held out, without those of SST-2 that are a part of another."""
    examples = [example for task in tasks for example in task.train + task.held_out]
    texts = sorted({texts for texts, _ in examples}, key=lambda t: (-len(t[0]), t))
    whole: list[tuple[str, ...]] = []
    seen = ""
    for text in texts:
        if len(text) == 2 or text[0] not in seen:
            whole.append(text)
            seen += f"\n{text[0]}" if len(text) == 1 else ""
    return whole


def outputs(model: keras.Model, encoded: Encoded, size: int = 32) -> list[np.ndarray]:
    """What MiniLM's taught blocks give for every text: float16 (2, pieces, width) each."""
    ids = tf.TensorSpec([None, None], tf.int32)

    @tf.function(input_signature=[ids, ids])
    def run(tokens: Any, segments: Any) -> Any:
        hidden = model({"tokens": tokens, "segments": segments}, training=False)
        return tf.cast(tf.stack([hidden[block] for block in TAUGHT.values()], 1), tf.float16)

    order = np.argsort([len(tokens) for tokens in encoded.tokens])
    found: list[Any] = [None] * len(order)
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        tokens = padded([encoded.tokens[i] for i in chosen])
        result = run(tokens, padded([encoded.segments[i] for i in chosen])).numpy()
        for i, row in zip(chosen, result, strict=True):
            found[i] = row[:, : len(encoded.tokens[i])]
    return found


def learn(
    student: keras.Model,
    encoded: Encoded,
    targets: list[np.ndarray],
    seed: int,
    epochs: int = EPOCHS,
) -> keras.callbacks.History:
    """Trains the small model to give what MiniLM gave."""
    width = targets[0].shape[-1]
    heads = {
        f"taught_{block}": keras.layers.Dense(width, name=f"taught_{block}")(student.outputs[block])
        for block in TAUGHT
    }
    learner = keras.Model(student.input, heads)
    places = Encoded(encoded.tokens, encoded.segments, np.arange(len(targets), dtype=np.int32))

    def batches() -> Iterator[Any]:
        for features, chosen in places.batches(BATCH_SIZE, seed_of_epoch()).as_numpy_iterator():
            length = features["tokens"].shape[1]
            array = np.zeros((len(TAUGHT), len(chosen), length, width), np.float32)
            for row, i in enumerate(chosen):
                array[:, row, : targets[i].shape[1]] = targets[i]
            yield features, dict(zip(heads, array, strict=True))

    passes = iter(range(1_000_000))

    def seed_of_epoch() -> int:
        return seed + 1000 * next(passes)

    ids = tf.TensorSpec([None, None], tf.int32)
    hidden = tf.TensorSpec([None, None, width], tf.float32)
    count = -(-len(targets) // BATCH_SIZE)
    dataset = tf.data.Dataset.from_generator(
        batches,
        output_signature=({"tokens": ids, "segments": ids}, dict.fromkeys(heads, hidden)),
    ).apply(tf.data.experimental.assert_cardinality(count))
    learner.compile(keras.optimizers.Adam(_rate(epochs * count)), squared_error)
    return learner.fit(dataset.prefetch(4), epochs=epochs, verbose=2)


def _rate(steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=LEARNING_RATE, warmup_steps=steps // 10
    )


def squared_error(target: Any, output: Any) -> Any:
    """Mean squared error over pieces; all zeros as the target mark what pads."""
    mask = keras.ops.cast(keras.ops.any(target != 0, axis=-1), output.dtype)
    error = keras.ops.mean(keras.ops.square(target - output), axis=-1)
    return keras.ops.sum(error * mask) / keras.ops.sum(mask)
