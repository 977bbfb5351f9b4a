"""Every optimizer that either Keras has: pruned weights are exactly zero after every step.

The optimizers are found by looking, so one that a new version of Keras brings is tested
without being named here; one that cannot be made from a learning rate alone fails until it
has a row in `MAKERS`. Three steps before the first mask fill the slots: momentum would move
pruned weights away from zero, were it not for the constraint.
"""

import importlib
import inspect

import keras as keras3
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse import ConstantSparsity, UpdatePruning

from .helpers import assert_masks_hold, data, dense_model, kernels, sparsities
from .layer_contract import optimizer_slots

NAMESPACES = ("keras.optimizers", "tf_keras.optimizers", "tf_keras.optimizers.legacy")
MAKERS = {
    "LossScaleOptimizer": lambda cls: cls(keras3.optimizers.SGD(0.05, momentum=0.9)),
    "MultiOptimizer": lambda cls: cls(
        keras3.optimizers.OptimizerMap(
            keras3.optimizers.Adam(0.05),
            {".*hidden.*": keras3.optimizers.SGD(0.05, momentum=0.9)},
        )
    ),
}
# A plain run has those, which differ most in their slots, and leaves out the others.
PLAIN = {
    *("keras.SGD-momentum-nesterov", "keras.Adam", "keras.AdamW", "keras.Adafactor"),
    *("keras.Muon", "keras.LossScaleOptimizer", "keras.MultiOptimizer"),
    *("tf_keras.Adam", "tf_keras.legacy.SGD-momentum-nesterov"),
}
# Options that give an optimizer other slots or another update.
VARIANTS = {
    "SGD": {"momentum": 0.9, "nesterov": True},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adam": {"amsgrad": True},
}


def optimizers():
    """Every optimizer class as (id, class)."""
    found = {}
    for namespace in NAMESPACES:
        module = importlib.import_module(namespace)
        for name, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, module.Optimizer) and cls is not module.Optimizer:
                found.setdefault(cls, f"{namespace}.{name}".replace("optimizers.", ""))
    return [(name, cls) for cls, name in found.items()]


def instances():
    """Makers of optimizers, each with the version of Keras it belongs to."""
    for name, cls in optimizers():
        package, short = name.split(".")[0], cls.__name__
        make = MAKERS.get(short, lambda cls: cls(0.05))
        yield instance(package, lambda make=make, cls=cls: make(cls), name)
        if options := VARIANTS.get(short):
            make_variant = lambda cls=cls, options=options: cls(0.05, **options)  # noqa: E731
            yield instance(package, make_variant, f"{name}-{'-'.join(options)}")


def instance(package, make, name):
    marks = () if name in PLAIN else pytest.mark.long
    return pytest.param(package, make, id=name, marks=marks)


def test_the_search_finds_them():
    names = {name for name, _ in optimizers()}
    assert {"keras.Adam", "keras.Muon", "keras.Lion", "keras.Adafactor", "keras.Lamb"} <= names
    assert {"tf_keras.Ftrl", "tf_keras.AdamW", "tf_keras.legacy.Ftrl"} <= names


def train_step(keras, model, optimizer):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    scale = getattr(optimizer, "scale_loss", lambda loss: loss)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            value = scale(loss(y, model(x, training=True)))
        gradients = tape.gradient(value, model.trainable_weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))

    return step


def trains_a_plain_model(keras, make):
    """Whether Keras itself can: Muon of 3.12, the last for Python 3.10, cannot with TensorFlow."""
    model, optimizer = dense_model(keras), make()
    getattr(optimizer, "build", lambda _: None)(model.trainable_weights)
    try:
        train_step(keras, model, optimizer)(*data())
    except AttributeError:
        return False
    return True


def under_mask(optimizer, kernel):
    """The largest size of what each slot holds for pruned weights."""
    pruned = ~kernel.constraint.flags().numpy()
    slots = optimizer_slots(optimizer, kernel.variable)
    return np.array([np.abs(slot[pruned]).max(initial=0.0) for slot in slots])


@pytest.mark.parametrize(("package", "make"), list(instances()))
def test_pruned_weights_stay_zero(package, make):
    keras = importlib.import_module(package)
    if not trains_a_plain_model(keras, make):
        pytest.skip("this version of Keras cannot train with it")
    keras.utils.set_random_seed(5)
    schedule = ConstantSparsity(0.5, begin_step=3, frequency=100)
    model = tfsparse.prune_block(dense_model(keras), "4x1", schedule)
    model.optimizer = optimizer = make()
    getattr(optimizer, "build", lambda _: None)(model.trainable_weights)
    step = train_step(keras, model, optimizer)
    callback = UpdatePruning()
    callback.set_model(model)
    inputs, labels = data()
    before, limits = None, None
    for number in range(1, 8):
        step(inputs, labels)
        callback.on_train_batch_end(number)
        assert_masks_hold(model)
        assert sparsities(model) == [0.5 if number >= 3 else 0.0] * 2
        values = [kernel.variable.numpy() for kernel in kernels(model)]
        held = [under_mask(optimizer, kernel) for kernel in kernels(model)]
        if number > 3:
            for kernel, value, old in zip(kernels(model), values, before, strict=True):
                kept = kernel.constraint.flags().numpy()
                assert (value != old)[kept].any()  # it does train
            for now, limit in zip(held, limits, strict=True):
                assert (now <= limit * (1 + 1e-6)).all()
        before, limits = values, held
