import numpy as np
import pytest
import tensorflow as tf

from tfsparse.pruning.forward_passes import CalibrationData, ForwardPasses

X = np.arange(24, dtype="float32").reshape(6, 4)


def branches(keras):
    """A stem, two branches that see the same, and what joins them."""
    x = keras.Input((4,))
    h = keras.layers.Dense(3, name="stem", kernel_initializer="ones")(x)
    one, other = (keras.layers.Dense(2, name=name)(h) for name in ("left", "right"))
    y = keras.layers.Dense(2, name="join")(keras.layers.Concatenate()([one, other]))
    return keras.Model(x, y)


def layers_of(model, *names):
    return [model.get_layer(name) for name in names]


def test_layers_are_found_in_the_order_of_their_calls(keras):
    model = branches(keras)
    layers = layers_of(model, "join", "right", "left", "stem")
    stages = ForwardPasses(model, CalibrationData(model, X)).survey(layers)
    assert [[layer.name for layer in stage] for stage in stages] == [
        ["stem"],
        ["left", "right"],
        ["join"],
    ]


@pytest.mark.parametrize("shared", [True, False])
def test_zeros_of_two_layers_are_not_the_same_tensor(keras, shared):
    x = keras.Input((4,))
    seen = [keras.layers.Dense(3, name=f"zeros_{i}", kernel_initializer="zeros")(x) for i in (0, 1)]
    if shared:
        seen[1] = seen[0]
    last = [keras.layers.Dense(2, name=f"last_{i}")(h) for i, h in enumerate(seen)]
    model = keras.Model(x, last)
    layers = layers_of(model, "last_0", "last_1")
    stages = ForwardPasses(model, CalibrationData(model, X)).survey(layers)
    assert len(stages) == (1 if shared else 2)


def test_a_pass_tells_of_each_batch_and_stops_behind_the_layer(keras):
    model = branches(keras)
    stem, left, right, join = layers_of(model, "stem", "left", "right", "join")
    passes = ForwardPasses(model, CalibrationData(model, X, batch_size=4))
    passes.survey([stem, left, right, join])
    seen, joined = [], []
    call = type(join).call
    vars(join)["call"] = lambda *args: joined.append(1) or call(join, *args)
    passes.run([left, right], lambda layer, args, kwargs: seen.append((layer, args[0].numpy())))
    assert [layer.name for layer, _ in seen] == ["left", "right"] * 2
    np.testing.assert_allclose(
        np.concatenate([x for layer, x in seen if layer is left]),
        np.repeat(X.sum(axis=1, keepdims=True), 3, axis=1),
    )
    assert not joined
    assert "call" not in vars(stem) and "call" not in vars(left)


def test_a_layer_that_is_called_twice_is_seen_twice(keras):
    x = keras.Input((4,))
    shared = keras.layers.Dense(4, name="shared")
    model = keras.Model(x, shared(shared(x)))
    passes = ForwardPasses(model, CalibrationData(model, X))
    assert passes.survey([shared]) == [[shared]]
    assert passes.calls(shared) == 2
    seen = []
    passes.run([shared], lambda *call: seen.append(call))
    assert len(seen) == 2


def test_layers_inside_of_a_function_and_not_called_at_all(keras):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.used, self.unused = keras.layers.Dense(4), keras.layers.Dense(4)
            self.trained = []

        @tf.function
        def call(self, x, training=True):
            self.trained.append(training)
            return self.used(x)

    model = Net()
    passes = ForwardPasses(model, CalibrationData(model, X))
    assert passes.survey([model.unused, model.used]) == [[model.used]]
    assert set(model.trained) == {False}
    assert not tf.config.functions_run_eagerly()


def test_what_a_user_raises_is_raised(keras):
    model = branches(keras)
    (stem,) = layers_of(model, "stem")
    passes = ForwardPasses(model, CalibrationData(model, X))
    passes.survey([stem])

    def fail(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        passes.run([stem], fail)
    assert "call" not in vars(stem)


FORMS = {
    "array": lambda: X,
    "x and y": lambda: (X, np.zeros(6)),
    "dictionary": lambda: {"x": X},
    "dataset": lambda: tf.data.Dataset.from_tensor_slices((X, np.zeros(6))).batch(4),
    "batches": lambda: [X[:4], X[4:]],
    "generator": lambda: (X[start : start + 4] for start in (0, 4)),
}


@pytest.mark.parametrize("form", FORMS)
def test_data_of_every_form_are_read_again_and_again(keras, form):
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2)])
    data = CalibrationData(model, FORMS[form](), batch_size=4)
    for _ in range(3):
        batches = [b["x"] if isinstance(b, dict) else b for b in data]
        np.testing.assert_array_equal(np.concatenate(batches), X)
        assert [len(batch) for batch in batches] == [4, 2]


def test_a_limit_counts_batches(keras):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert len(list(CalibrationData(model, X, 2, limit=2))) == 2
    endless = tf.data.Dataset.from_tensors(X).repeat()
    assert len(list(CalibrationData(model, endless))) == 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None,), "`data` should be given"),
        (("text",), "`data` should be what `fit` takes"),
        ((X[:0],), "at least one example"),
        (([],), "at least one example"),
        (({"a": X, "b": X[:2]},), r"arrays of \[2, 6\] examples"),
        ((X, 0), "`batch_size` should be a positive integer. Received: 0"),
        ((X, 4, 1.5), "`batches` should be a positive integer. Received: 1.5"),
    ],
)
def test_wrong_data_are_named(keras, arguments, message):
    with pytest.raises(ValueError, match=message):
        CalibrationData(branches(keras), *arguments)
