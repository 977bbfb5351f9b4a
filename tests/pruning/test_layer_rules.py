import numpy as np
import pytest

import tfsparse
from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.layer_rules import LayerRules
from tfsparse.pruning.settings import Settings

from .custom_layers import custom_layers
from .helpers import assert_same_outputs

pytestmark = pytest.mark.one_keras

INPUTS = np.random.default_rng(0).standard_normal((4, 5, 8)).astype("float32")
BASE = Settings.of("4x1", 0.5)


@pytest.fixture
def model(keras):
    """A tower, another in a nested model, and a last layer: 7 kernels."""
    make = custom_layers(keras).Network
    inside = keras.Input((5, 8))
    nested = keras.Model(inside, make(name="deep")(inside), name="nested")
    inputs = keras.Input((5, 8))
    outputs = nested(make(name="tower")(inputs))
    return keras.Model(inputs, keras.layers.Dense(4, name="logits")(outputs))


def settings(pruned):
    """The settings of each kernel by the path below its wrapper, and the wrapper's name."""
    return {
        f"{wrapper.name}:{kernel.path}": kernel.settings
        for wrapper in pruned_layers(pruned)
        for kernel in wrapper.pruning.kernels
    }


def test_excluded_layers(keras, model):
    everything = set(settings(tfsparse.prune_block(model)))
    deep = {"deep:hidden", "deep:block/first", "deep:block/second"}
    tower = {"tower:hidden", "tower:block/first", "tower:block/second"}
    assert everything == deep | tower | {"logits:logits"}
    blocks = {name for name in everything if "block" in name}
    for exclude, left_out in [
        ("first", {"tower:block/first", "deep:block/first"}),
        ("block/first", {"tower:block/first", "deep:block/first"}),
        ("tower/block/first", {"tower:block/first"}),
        ("nested/*/first", {"deep:block/first"}),
        ("nested/deep/block/*", blocks & deep),
        ("deep/block", blocks & deep),
        ("blo*", blocks),
        ("nested", deep),
        (custom_layers(keras).BuiltByCalling, blocks),
        (lambda layer: layer.name in ("tower", "second"), tower | {"deep:block/second"}),
        (["logits", "hidden"], {"logits:logits", "tower:hidden", "deep:hidden"}),
    ]:
        pruned = tfsparse.prune_block(model, exclude=exclude)
        assert everything - set(settings(pruned)) == left_out, exclude


def test_a_rule_holds_inside_and_what_is_said_of_the_inside_comes_after(model):
    overrides = {
        "first": {"pattern": "2:4"},
        "block": {"pattern": "16x4", "criterion": "l1_norm"},
        "tower": {"pattern": "1x1"},
        "nested": {"schedule": 0.75, "pattern": "2x1"},
        "nested/deep/block/first": {"schedule": 0.25, "pattern": "channel"},
    }
    got = settings(tfsparse.prune_block(model, "4x1", 0.5, overrides=overrides))
    seen = {name: (str(s.pattern), s.schedule.target, s.criterion.name) for name, s in got.items()}
    assert seen == {
        "tower:hidden": ("1x1", 0.5, "l2_norm"),
        "tower:block/first": ("2:4", 0.5, "l1_norm"),
        "tower:block/second": ("16x4", 0.5, "l1_norm"),
        "deep:hidden": ("2x1", 0.75, "l2_norm"),
        "deep:block/first": ("channel", 0.25, "l1_norm"),
        "deep:block/second": ("16x4", 0.75, "l1_norm"),
        "logits:logits": ("4x1", 0.5, "l2_norm"),
    }


def test_of_rules_for_one_layer_the_later_wins():
    rules = LayerRules(BASE, "b*", {"*": {"pattern": "1x1"}, "a": {"pattern": "2x1"}})
    assert str(rules.settings(None, "a").pattern) == "2x1"
    assert str(rules.settings(None, "b").pattern) == "1x1"
    rules = LayerRules(BASE, overrides={"a": {"pattern": "2x1"}, "*": None})
    assert rules.settings(None, "a") is None


@pytest.mark.parametrize("name", ["h[1]", "a?b", "[!x]", "a.b", "a+", "(a", "h[[]1]"])
def test_only_the_asterisk_is_special(keras, name):
    rules = LayerRules(BASE, name)
    assert rules.settings(None, name) is None
    assert rules.settings(None, f"outer/{name}") is None
    for other in ("h1", "axb", "y", "aa", f"{name}x", f"x{name}"):
        assert rules.settings(None, other) is BASE
    assert LayerRules(BASE, f"{name[0]}*").settings(None, name) is None
    layer = custom_layers(keras).BuiltByCalling(name="block")
    vars(layer.first)["name" if keras.__name__ == "keras" else "_name"] = name
    layer(INPUTS)
    for rule in (name, f"block/{name}", lambda one: one is layer.first):
        wrapper = tfsparse.prune_block(layer, exclude=rule)
        assert [kernel.path for kernel in wrapper.pruning.kernels] == ["second"]
        tfsparse.strip_pruning(wrapper, inplace=True)


def test_a_rule_is_not_tried_again_below_what_it_matched():
    rules = LayerRules(BASE, overrides={"query": {"pattern": "2x1"}, "enc*": {"pattern": "1x1"}})
    assert str(rules.settings(None, "enc").pattern) == "1x1"
    assert str(rules.settings(None, "enc/query").pattern) == "2x1"


@pytest.mark.long
def test_every_argument_is_overridden_and_saved(keras, tmp_path):
    inputs = keras.Input((5, 8))
    x = custom_layers(keras).Encoder(name="encoder")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(4, name="logits")(x))
    overrides = {
        "encoder/attention/key": None,
        "attention": {"pattern": "2:4"},
        "encoder/attention/value": {"pattern": "channel", "schedule": 0.25},
        keras.layers.Dense: {
            "schedule": tfsparse.ConstantSparsity(0.75, 2),
            "group_lasso": tfsparse.GroupLasso(0.1, "proximal"),
            "criterion": "l1_norm",
            "scope": tfsparse.Scope("global", min_sparsity=0.1),
            "regrow": True,
        },
    }
    pruned = tfsparse.prune_block(model, overrides=overrides)
    expected = settings(pruned)
    assert len(expected) == 6
    dense = expected["encoder:feed_forward/first"]
    assert dense == expected["logits:logits"]
    assert (dense.group_lasso.form, dense.scope.ranking, dense.regrow) == (
        *("proximal", "global", True),
    )
    pruned.compile("adam", "mse")
    targets = np.zeros((4, 5, 4), "float32")
    pruned.fit(INPUTS, targets, epochs=4, verbose=0, callbacks=[tfsparse.UpdatePruning()])
    sparsity = {
        kernel.path: np.mean(kernel.variable.numpy() == 0)
        for wrapper in pruned_layers(pruned)
        for kernel in wrapper.pruning.kernels
    }
    assert sparsity["attention/query"] == 0.5 and sparsity["attention/value"] == 0.25
    check_saved(keras, pruned, expected, tmp_path)
    again = tfsparse.prune_block(model, overrides=overrides)
    again.load_weights(str(tmp_path / "model.weights.h5"))
    assert_same_outputs(again(INPUTS), pruned(INPUTS))


def check_saved(keras, pruned, expected, tmp_path):
    """Both formats of a whole model keep the settings of each kernel."""
    plain_loss = {} if keras.__name__ == "tf_keras" else {"include_optimizer": False}
    for suffix in ("keras", "h5"):
        path = str(tmp_path / f"model.{suffix}")
        pruned.save(path, **(plain_loss if suffix == "h5" else {}))
        loaded = keras.models.load_model(path)
        assert settings(loaded) == expected
        assert_same_outputs(loaded(INPUTS), pruned(INPUTS))
    pruned.save_weights(str(tmp_path / "model.weights.h5"))


def test_a_class_matches_inside_its_own_layer_alone(keras):
    """Names that a wrapper keeps for a class do not match deeper ones of the same name."""
    twice = [custom_layers(keras).BuiltByCalling(8, name=name) for name in ("outer", "inner")]
    twice[0].inner = twice[1]
    first = twice[0].first
    x = np.zeros((2, 8), "float32")
    for layer in twice:
        layer(x)
    wrapper = tfsparse.prune_block(twice[0], exclude=lambda layer: layer is first)
    assert {kernel.path for kernel in wrapper.pruning.kernels} == {
        *("second", "inner/first", "inner/second"),
    }


def test_rules_for_what_does_not_exist_yet(keras):
    layer = keras.layers.MultiHeadAttention(2, 4, name="attention")
    wrapper = tfsparse.prune_block(layer, exclude="attention/query")
    wrapper(INPUTS, INPUTS)
    assert [kernel.path for kernel in wrapper.pruning.kernels] == [
        *("key", "value", "attention_output"),
    ]


@pytest.mark.long
def test_a_class_or_function_may_match_nothing(keras, model):
    everything = settings(tfsparse.prune_block(model))
    for rule in (keras.layers.Embedding, lambda layer: layer.name == "nobody"):
        assert settings(tfsparse.prune_block(model, exclude=rule)) == everything
        assert settings(tfsparse.prune_block(model, overrides={rule: {"schedule": 0.5}})) == (
            everything
        )
        net = custom_layers(keras).Network(name="net")
        net(INPUTS)
        tfsparse.prune_block(net, exclude=[rule], inplace=True)
        assert len(settings(net)) == 3
    with pytest.raises(ValueError, match=r"Received: \['nobody'\], where"):
        tfsparse.prune_block(model, exclude=[keras.layers.Embedding, "nobody"])


def test_a_class_is_not_lost_on_layers_that_do_not_exist_yet(keras):
    """It would match once they do, and nobody would ask again."""
    layer = keras.layers.MultiHeadAttention(2, 4, name="attention")
    with pytest.raises(ValueError, match=r"call it on inputs first.* \['attention'\]"):
        tfsparse.prune_block(layer, exclude=keras.layers.Embedding)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"exclude": "nobody"}, r"\['nobody'\], where the layers are"),
        ({"exclude": ["logits", "tower/first"]}, r"\['tower/first'\]"),
        ({"overrides": {"nobody": {"pattern": "1x1"}}}, r"\['nobody'\]"),
        ({"overrides": {"first": {"patern": "1x1"}}}, "'first': {'patern': '1x1'}"),
        ({"overrides": {"first": 3}}, "'first': 3"),
        ({"overrides": {"first": {"pattern": "big"}}}, "pattern='big'"),
        ({"overrides": {"first": {"pattern": "2:4", "schedule": 0.9}}}, "end at 0.5"),
        ({"overrides": {3: None}}, "Received: 3"),
        ({"exclude": [3]}, "Received: 3"),
    ],
)
def test_wrong_rules_are_named(model, rules, message):
    with pytest.raises(ValueError, match=message):
        tfsparse.prune_block(model, **rules)
