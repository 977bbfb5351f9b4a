"""`register_prunable`, beyond what the layer contract runs of registered layers."""

import numpy as np
import pytest

import tfsparse
from tfsparse.pruning import registering
from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.prunable import find_kernels, refusal
from tfsparse.pruning.registering import registered_kernels, view_of_axes

from .custom_layers import custom_layers
from .helpers import assert_same_outputs, kernels

pytestmark = pytest.mark.one_keras

INPUTS = np.random.default_rng(0).standard_normal((8, 5, 8)).astype("float32")
GATES = {"cell.kernel": "i(4o)", "cell.recurrent_kernel": "i(4o)"}


@pytest.mark.parametrize(
    ("axes", "shape", "groups", "matrix"),
    [
        ("io", (3, 5), 1, (5, 3)),
        ("oi", (3, 5), 1, (3, 5)),
        ("eio", (2, 3, 5), 2, (5, 3)),
        ("ieo", (3, 2, 5), 2, (5, 3)),
        ("iiio", (3, 3, 4, 5), 1, (5, 36)),
        ("eeioo", (2, 3, 4, 5, 6), 6, (30, 4)),
        ("i(4o)", (3, 20), 4, (5, 3)),
        ("(2i)o", (6, 5), 2, (5, 3)),
        ("e(2i)(3o)", (4, 6, 15), 24, (5, 3)),
    ],
)
def test_axes_make_a_view(axes, shape, groups, matrix):
    view = view_of_axes(axes, shape)
    assert (view.shape, view.groups, view.matrix_shape) == (shape, groups, matrix)
    kernel = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(view.from_matrices(view.to_matrices(kernel)), kernel)


def test_an_axis_of_groups_is_cut_where_the_groups_meet():
    kernel = np.repeat([0, 1, 2, 3], 5)[None].repeat(3, axis=0)
    matrices = view_of_axes("i(4o)", kernel.shape).to_matrices(kernel)
    assert [set(matrix.flat) for matrix in matrices] == [{0}, {1}, {2}, {3}]


@pytest.mark.parametrize(
    ("kernels", "message"),
    [
        (None, "should map names"),
        ({}, "should map names"),
        ("io", "should map names"),
        ({"kernel": "i"}, "at least one 'i' and one 'o'"),
        ({"kernel": "oo"}, "at least one 'i' and one 'o'"),
        ({"kernel": "xio"}, "as letters.*xio"),
        ({"kernel": "i(o)"}, "as letters"),
        ({"kernel": "i(0o)"}, "as letters"),
        ({"kernel": 3}, "as letters"),
        ({"a.kernel": "io", "b.kernel": "io"}, "a name of its own"),
        ({3: "io"}, "a name of its own"),
    ],
)
def test_wrong_kernels_are_named(keras, kernels, message):
    class Mine(keras.layers.Layer):
        pass

    with pytest.raises(ValueError, match=message):
        tfsparse.register_prunable(Mine, kernels)
    assert not registered_kernels(Mine())


@pytest.mark.parametrize("wrong", [3, "Dense", int, lambda: None])
def test_what_is_no_class_of_layers_is_named(wrong):
    with pytest.raises(ValueError, match="`layer_class` should be a class of layers"):
        tfsparse.register_prunable(wrong, {"kernel": "io"})


@pytest.mark.parametrize(("axes", "shape"), [("eio", (8, 4)), ("i(3o)", (8, 4))])
def test_axes_that_do_not_fit_the_kernel_are_named(keras, axes, shape):
    @tfsparse.register_prunable({"kernel": axes})
    class Mine(keras.layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(name="kernel", shape=shape)
            self.built = True

        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match=r"axes='.*' for a kernel of shape \(8, 4\)"):
        tfsparse.prune_block(Mine(), "4x1", 0.5)(INPUTS)


def test_an_attribute_that_is_no_variable_is_named(keras):
    @tfsparse.register_prunable({"kernel": "io"})
    class Mine(keras.layers.Layer):
        kernel = None

    layer = Mine()
    layer.built = True
    with pytest.raises(ValueError, match=r"hold its kernel as an attribute.*Mine"):
        find_kernels(layer)


def test_a_subclass_is_registered_on_its_own(keras):
    own = custom_layers(keras).OwnDense

    class Below(own):
        pass

    assert refusal(own(4)) is None
    assert "subclass of Dense" in refusal(Below(4))
    assert "`register_prunable` says that it does not" in refusal(Below(4))


@pytest.mark.parametrize(("name", "gates"), [("LSTM", 4), ("GRU", 3), ("SimpleRNN", 1)])
def test_recurrent_layers_are_refused_until_they_are_registered(keras, monkeypatch, name, gates):
    layer_class = getattr(keras.layers, name)
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, layer_class(8, name="mine")(inputs))
    with pytest.raises(ValueError, match="mine: recurrent kernels"):
        tfsparse.prune_block(model)
    monkeypatch.setattr(registering, "_REGISTERED", dict(registering._REGISTERED))
    axes = "io" if gates == 1 else f"i({gates}o)"
    tfsparse.register_prunable(layer_class, {"cell.kernel": axes, "cell.recurrent_kernel": axes})
    pruned = tfsparse.prune_block(model, "3x1", tfsparse.OneShot(0.5))
    assert [kernel.path for kernel in kernels(pruned)] == ["kernel", "recurrent_kernel"]
    for kernel in kernels(pruned):
        by_gate = np.array(kernel.variable.numpy()).reshape(8, gates, 8) == 0
        for start, stop in ((0, 3), (3, 6), (6, 8)):  # no block reaches into the next gate
            block = by_gate[:, :, start:stop]
            assert np.array_equal(block.any(axis=2), block.all(axis=2))
        assert 0.4 < by_gate.mean() < 0.6
    rows = tfsparse.sparsity_report(pruned).kernels
    assert [row.layer for row in rows] == ["mine/kernel", "mine/recurrent_kernel"]


def experts_model(keras):
    inputs = keras.Input((8,))
    x = custom_layers(keras).AroundExperts(name="around")(inputs)
    return keras.Model(inputs, custom_layers(keras).Experts(8, name="moe")(x))


def test_rules_name_single_kernels(keras):
    model = experts_model(keras)
    paths = [
        *("around:moe/experts", "around:moe/combine", "around:moe/router", "around:last"),
        *("moe:experts", "moe:combine", "moe:router"),
    ]

    def patterns(**rules):
        pruned = tfsparse.prune_block(model, "4x1", 0.5, **rules)
        found = {
            f"{wrapper.name}:{kernel.path}": str(kernel.settings.pattern)
            for wrapper in pruned_layers(pruned)
            for kernel in wrapper.pruning.kernels
        }
        return found

    assert patterns() == dict.fromkeys(paths, "4x1")
    left_out = set(paths) - set(patterns(exclude="combine"))
    assert left_out == {"around:moe/combine", "moe:combine"}
    assert set(paths) - set(patterns(exclude="around/moe/experts")) == {"around:moe/experts"}
    assert set(paths) - set(patterns(exclude="moe")) == {p for p in paths if "moe" in p}
    some = patterns(overrides={"experts": {"pattern": "2:4"}, "around/*": {"pattern": "1x1"}})
    assert some["moe:experts"] == some["around:moe/experts"] == "2:4"
    assert some["moe:combine"] == "4x1" and some["around:last"] == "1x1"
    with pytest.raises(ValueError, match=r"\['expert'\], where .*'moe/experts'"):
        patterns(exclude="expert")


def test_report_and_sensitivity_know_their_kernels(keras):
    model = experts_model(keras)
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), exclude="moe/router")
    expected = [
        *("around/moe/combine", "around/moe/experts", "around/last"),
        *("moe/combine", "moe/experts"),
    ]
    report = tfsparse.sparsity_report(pruned)
    assert sorted(row.layer for row in report.kernels) == sorted(expected)
    assert set(report.skipped) == {"around/moe/router", "moe/router"}
    assert {row.element_sparsity for row in report.kernels} == {0.5}
    plain = tfsparse.sparsity_report(tfsparse.strip_pruning(pruned))
    assert sorted(row.layer for row in plain.kernels) == sorted(expected)
    assert {row.source for row in plain.kernels} == {"found"}
    model.compile("sgd", "mse")
    result = tfsparse.sensitivity(
        model, (INPUTS[:, 0], INPUTS[:, 0]), patterns=["4x1"], sparsities=[0.5]
    )
    found = {row.kernel for row in result.rows}
    assert {"moe/experts", "moe/combine", "around/moe/experts"} <= found


def test_pruned_in_place_and_given_back(keras):
    class Network(keras.Model):
        def __init__(self):
            super().__init__(name="network")
            self.hidden = custom_layers(keras).Experts(8, name="moe")
            self.last = keras.layers.Dense(4, name="last")

        def call(self, inputs):
            return self.last(self.hidden(inputs))

    network = Network()
    network(INPUTS[:, 0])
    tfsparse.prune_block(network, "4x1", tfsparse.OneShot(0.5), inplace=True)
    before = network(INPUTS[:, 0])
    assert [kernel.path for kernel in kernels(network)] == [
        *("experts", "combine", "router", "last"),
    ]
    tfsparse.strip_pruning(network, inplace=True)
    assert type(network.hidden) is custom_layers(keras).Experts
    assert "call" not in vars(network.hidden)
    assert_same_outputs(network(INPUTS[:, 0]), before)


def test_a_model_is_loaded_only_where_the_class_is_registered(keras, tmp_path, monkeypatch):
    inputs = keras.Input((8,))
    model = keras.Model(inputs, custom_layers(keras).Multiplies(8, name="mine")(inputs))
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5))
    pruned.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same_outputs(loaded(INPUTS[:, 0]), pruned(INPUTS[:, 0]))
    monkeypatch.setattr(registering, "_REGISTERED", {})
    with pytest.raises((ValueError, TypeError), match=r"Multiplies|kernel to prune"):
        keras.models.load_model(tmp_path / "model.keras")
