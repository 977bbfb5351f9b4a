"""`PruningSummaries`: what is read back from the event files."""

import collections

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse import PolynomialDecay, UpdatePruning
from tfsparse.pruning.mask_image import mask_image
from tfsparse.pruning.summaries import PruningSummaries

from .helpers import (
    BATCH,
    STEPS_PER_EPOCH,
    compile_model,
    data,
    dense_model,
    kernels,
    sparsities,
)

pytestmark = pytest.mark.one_keras

TARGET = 0.75
SCHEDULE = PolynomialDecay(0.0, TARGET, 5, 2 * STEPS_PER_EPOCH, power=1, frequency=3)


def read(folder):
    """Tag -> [(step, value)] of all event files in a folder, and tag -> plugin."""
    values, plugins = collections.defaultdict(list), {}
    for path in sorted(folder.rglob("*tfevents*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                values[value.tag].append((event.step, tf.make_ndarray(value.tensor)))
                if value.HasField("metadata"):
                    plugins[value.tag] = value.metadata.plugin_data.plugin_name
    return dict(values), plugins


def fit(model, summaries, epochs=2, callbacks=()):
    return model.fit(
        *data(),
        batch_size=BATCH,
        epochs=epochs,
        verbose=0,
        callbacks=[UpdatePruning(), summaries, *callbacks],
    )


def pruned(keras, **options):
    model = tfsparse.prune_block(dense_model(keras), "4x1", SCHEDULE)
    return compile_model(keras, model, **options)


def test_every_epoch_is_written(keras, tmp_path):
    model = pruned(keras)
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((sparsities(model), logs["sparsity"]))
    )
    fit(model, PruningSummaries(tmp_path), callbacks=[look])
    values, plugins = read(tmp_path)
    layers = ["hidden", "logits"]
    kinds = ["sparsity", "scheduled_sparsity", "mask"]
    tags = [f"{kind}/{layer}" for kind in kinds for layer in layers]
    assert set(values) == {*tags, "total_sparsity"}
    for tag, plugin in plugins.items():
        assert plugin == ("images" if tag.startswith("mask/") else "scalars")
    assert plugins.keys() == values.keys()
    for column, layer in enumerate(layers):
        steps, shares = zip(*values[f"sparsity/{layer}"], strict=True)
        assert steps == (0, 1)
        assert shares == pytest.approx([each[column] for each, _ in seen])
        scheduled = [float(share) for _, share in values[f"scheduled_sparsity/{layer}"]]
        due = SCHEDULE.last_due(0, STEPS_PER_EPOCH)
        assert scheduled == pytest.approx([SCHEDULE.sparsity(due), TARGET])
    totals = [float(share) for _, share in values["total_sparsity"]]
    assert totals == pytest.approx([total for _, total in seen])


def test_the_picture_is_that_of_the_mask(keras, tmp_path):
    model = pruned(keras)
    fit(model, PruningSummaries(tmp_path))
    values, _ = read(tmp_path)
    for kernel, layer in zip(kernels(model), ["hidden", "logits"], strict=True):
        width, height, png = values[f"mask/{layer}"][-1][1]
        picture = tf.io.decode_png(png).numpy()
        assert picture.shape == (int(height), int(width), 1)
        np.testing.assert_array_equal(picture[:, :, 0], mask_image(kernel.kept(), kernel.block))
        # Output channels downwards: as the kernel (in, out) transposed.
        zoom = len(picture) // kernel.variable.shape[1]
        np.testing.assert_array_equal(
            picture[::zoom, ::zoom, 0] > 0, kernel.variable.numpy().T != 0
        )


@pytest.mark.parametrize(
    ("every", "per_execution", "steps"),
    [(10, 1, [10, 20]), (5, 4, [8, 12, 16, 20]), (100, 1, [])],
)
@pytest.mark.long
def test_every_so_many_batches(keras, tmp_path, every, per_execution, steps):
    model = pruned(keras, steps_per_execution=per_execution)
    fit(model, PruningSummaries(tmp_path, update_freq=every, images=False))
    values, _ = read(tmp_path)
    assert not [tag for tag in values if tag.startswith("mask/")]
    assert [step for step, _ in values.get("sparsity/hidden", [])] == steps


def test_layers_of_one_name_are_told_apart(keras, tmp_path):
    def part():
        return keras.Sequential([keras.Input((12,)), keras.layers.Dense(12, name="same")])

    model = keras.Sequential([keras.Input((12,)), part(), part()])
    model = compile_model(keras, tfsparse.prune_block(model, "4x1", 0.5))
    fit(model, PruningSummaries(tmp_path, images=False), epochs=1)
    values, _ = read(tmp_path)
    assert {"sparsity/same", "sparsity/same_1"} < set(values)


def test_two_trainings_write_two_files(keras, tmp_path):
    model, summaries = pruned(keras), PruningSummaries(tmp_path, images=False)
    fit(model, summaries, epochs=1)
    fit(model, summaries, epochs=1)
    assert [step for step, _ in read(tmp_path)[0]["total_sparsity"]] == [0, 0]


def test_without_update_pruning_nothing_is_scheduled(keras, tmp_path):
    model = compile_model(keras, tfsparse.prune_block(dense_model(keras), "4x1", 0.5))
    model.fit(*data(), verbose=0, callbacks=[PruningSummaries(tmp_path)])
    values, _ = read(tmp_path)
    assert values["scheduled_sparsity/hidden"] == [(0, 0.0)]


def test_a_model_without_pruned_layers_is_an_error(keras, tmp_path):
    model = compile_model(keras, dense_model(keras))
    with pytest.raises(ValueError, match="prune_block"):
        fit(model, PruningSummaries(tmp_path))


@pytest.mark.parametrize("update_freq", ["batch", 0, -3, 2.5, True, None])
def test_wrong_frequencies_are_named(tmp_path, update_freq):
    with pytest.raises(ValueError, match="update_freq"):
        PruningSummaries(tmp_path, update_freq=update_freq)


def test_batches_cost_nothing_where_epochs_are_written(tmp_path):
    assert not PruningSummaries(tmp_path)._implements_train_batch_hooks()
    assert PruningSummaries(tmp_path, update_freq=7)._implements_train_batch_hooks()
