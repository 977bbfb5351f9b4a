"""The report and `overrides` call a layer what its user calls it, wrapped or stripped.

Reported: layers that are still wrapped for pruning were "dense/dense"; of a nested model the one
version of Keras named the model, the other one did not; of a model written as a class names
had numbers behind them that depended on what had been built before.
"""

import keras
import numpy as np
import pytest

import tfsparse

from .models import BOTH, thin

pytestmark = pytest.mark.one_keras

NAMES = {
    "encoder/mha",  # The attention, which is one op.
    "first",
    "encoder/first",
    "encoder/deep/first",
    *(f"encoder/mha/{part}" for part in ("query", "key", "value", "attention_output")),
}


def nested(k):
    """Three layers of one name, in a model in a model in a model."""
    x = k.Input((4, 16))
    deep = k.Sequential([k.layers.Input((4, 16)), k.layers.Dense(16, name="first")], name="deep")
    h = deep(k.layers.Dense(16, activation="relu", name="first")(x))
    h = k.layers.MultiHeadAttention(2, 8, name="mha")(h, h)
    encoder = k.Model(x, h, name="encoder")
    x = k.Input((4, 16))
    return thin(k.Model(x, k.layers.Dense(8, name="first")(encoder(x))))


def by_class(k):
    class Net(k.Model):
        def __init__(self):
            super().__init__()
            self.encoder = nested(k).get_layer("encoder")
            self.last = k.layers.Dense(8, name="first")

        def call(self, x):
            return self.last(self.encoder(x))

    model = Net()
    model(np.ones((2, 4, 16), np.float32))
    return thin(model)


def names(model, **options):
    report = tfsparse.convert(model, **options).report
    return {row.layer for row in (*report, *report.whole_layers)}


@BOTH
@pytest.mark.long
def test_of_a_model_in_a_model(k):
    model = nested(k)
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5))
    for each in (model, pruned, tfsparse.strip_pruning(pruned)):
        assert names(each) == NAMES


@BOTH
def test_of_a_model_written_as_a_class(k):
    by_class(k)  # Its layers have taken the names.
    model = by_class(k)
    assert names(model) == NAMES
    tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), inplace=True)
    assert names(model) == NAMES


@BOTH
def test_a_model_that_was_exported_while_it_was_wrapped(k, tmp_path):
    """A SavedModel knows scopes only; the wrapper's is not one."""
    layers = [k.layers.Input((16,)), k.layers.Dense(16, name="first"), k.layers.Dense(8, name="b")]
    pruned = tfsparse.prune_block(k.Sequential(layers), "4x1", tfsparse.OneShot(0.5))
    pruned.export(str(tmp_path / "1"))
    assert names(str(tmp_path / "1")) == {"first", "b"}


@BOTH
def test_overrides_take_whole_names_and_last_parts(k):
    words = {"first": "4x1", "encoder/first": "skip", "deep/first": "2x1", "query": "1x1"}
    pruned = tfsparse.prune_block(nested(k), "4x1", tfsparse.OneShot(0.5))
    report = tfsparse.convert(pruned, overrides=words).report
    rows = {row.layer: row for row in report}
    assert [rows[name].block for name in ("first", "encoder/deep/first", "encoder/mha/query")] == [
        "4x1",
        "2x1",
        "1x1",
    ]
    assert rows["encoder/first"].reason == "skipped by `overrides`"
    assert report["first"] is rows["first"] and report["query"] is rows["encoder/mha/query"]


def test_an_unknown_name_is_an_error_that_tells_the_names():
    with pytest.raises(ValueError, match=r"'encoder/deep/first'.*Received: 'deep'"):
        tfsparse.convert(nested(keras), overrides={"deep": "skip"})
