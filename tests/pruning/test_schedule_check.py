"""One warning where a model leaves the training before its schedules have ended."""

import ast
import re
import warnings

import numpy as np
import pytest

import tfsparse
from tfsparse import ops
from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.schedule_check import check_schedules

from .helpers import FEATURES, data, dense_model

pytestmark = pytest.mark.one_keras

INPUTS = data()[0]


def flat(keras):
    return tfsparse.prune_block(dense_model(keras), "4x1", 0.75)


def at_once(keras):
    return tfsparse.prune_block(dense_model(keras), "4x1", tfsparse.OneShot(0.5))


def nested(keras):
    inputs = keras.Input((FEATURES,))
    return tfsparse.prune_block(keras.Model(inputs, dense_model(keras)(inputs)), "4x1", 0.75)


def subclassed(keras):
    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(16, name="hidden")
            self.logits = keras.layers.Dense(8, name="logits")

        def call(self, inputs):
            return self.logits(self.hidden(inputs))

    model = tfsparse.prune_block(Network(), "4x1", 0.75, inplace=True)
    model(INPUTS)
    return model


def strip(model, folder):
    tfsparse.strip_pruning(model, inplace=type(model).__name__ == "Network")


def convert(model, folder):
    tfsparse.convert(model)


def export(model, folder):
    tfsparse.export(model, folder / "1")


WAYS_OUT = [strip, convert, export] if ops.library_path().exists() else [strip]


def caught(act, *args):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        act(*args)
    return [one for one in found if "schedule" in str(one.message)]


@pytest.mark.parametrize(
    ("kind", "way_out"),
    [*((flat, way_out) for way_out in WAYS_OUT), (nested, strip), (subclassed, WAYS_OUT[-1])],
)
def test_it_warns_once_of_schedules_that_never_ran(keras, tmp_path, kind, way_out):
    (warning,) = caught(way_out, kind(keras), tmp_path)
    found = re.search(r"The schedule never ran for (\[.*?\])", str(warning.message))
    assert sorted(ast.literal_eval(found[1])) == ["hidden", "logits"]
    assert warning.filename == __file__


def test_it_warns_once_where_some_never_ran_and_some_have_not_ended(keras):
    model = flat(keras)
    first, _ = pruned_layers(model)
    first.pruning.clock.next_step = 1
    first.pruning.clock.store()
    (warning,) = caught(tfsparse.strip_pruning, model)
    for part in ("never ran for ['logits']", "has not ended for ['hidden']"):
        assert part in str(warning.message)


@pytest.mark.parametrize("make", [dense_model, at_once])
def test_it_does_not_warn_of_what_was_pruned_at_once_or_never(keras, make):
    assert not caught(tfsparse.strip_pruning, make(keras))
    assert not caught(check_schedules, make(keras), "no layer")


def test_a_list_of_layers_is_one_warning(keras):
    layers = tfsparse.prune_block([keras.layers.Dense(8, name=name) for name in "ab"])
    for layer in layers:
        layer(np.ones((2, 4), "float32"))
    (warning,) = caught(tfsparse.strip_pruning, layers)
    assert "['a', 'b']" in str(warning.message)
