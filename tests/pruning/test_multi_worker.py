"""`MultiWorkerMirroredStrategy`: two processes on loopback train as one with the global batch.

tf_keras trains with `fit`. Keras 3.15 cannot: its `fit` fails before the first step, for any
model, when it reduces the first distributed batch (`TFTrainer._maybe_symbolic_build`). A loop
over `strategy.run` works there and is what is tested; `fit` is tried all the same, and from
the version on that can, it is tested too.
"""

import importlib
import json
import os
import socket
import warnings

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests import processes
from tfsparse import PolynomialDecay, UpdatePruning

from .helpers import (
    STEPS_PER_EPOCH,
    assert_masks_hold,
    compile_model,
    data,
    dense_model,
    kernels,
    masks,
    sparsities,
)

WORKERS, BATCH, EPOCHS = 2, 8, 2
STEPS = EPOCHS * STEPS_PER_EPOCH
SCHEDULE = PolynomialDecay(0.25, 0.75, begin_step=0.1, end_step=0.7, frequency=3)


def free_ports(count):
    """Ports that nothing listened to a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def join_cluster(index, ports):
    """Makes this process one worker of several; before TensorFlow is first used."""
    workers = [f"127.0.0.1:{port}" for port in ports]
    task = {"type": "worker", "index": index}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": workers}, "task": task})
    warnings.simplefilter("ignore")
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=60)
    return tf.distribute.MultiWorkerMirroredStrategy(resolver, options)


def make(keras, criterion="l2_norm", build=dense_model):
    keras.utils.set_random_seed(11)
    model = tfsparse.prune_block(
        build(keras), "4x1", SCHEDULE, group_lasso=1e-3, criterion=criterion
    )
    return compile_model(keras, model, keras.optimizers.SGD(0.1, momentum=0.9))


def dataset():
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return tf.data.Dataset.from_tensor_slices(data()).batch(BATCH).with_options(options)


def fit(keras, model, *callbacks):
    history = []

    def look(batch, logs):
        assert_masks_hold(model)
        history.append(masks(model)[0])

    hook = keras.callbacks.LambdaCallback(on_train_batch_end=look)
    callbacks = [UpdatePruning(), hook, *callbacks]
    model.fit(dataset(), epochs=EPOCHS, verbose=0, callbacks=callbacks)
    return summary(model, history)


def loop(keras, model, strategy):
    """What `fit` does, by hand."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    with strategy.scope():
        model.optimizer.build(model.trainable_variables)

    def replica_step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True)) / BATCH
            value += sum(model.losses) / strategy.num_replicas_in_sync
        gradients = tape.gradient(value, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    step = tf.function(lambda x, y: strategy.run(replica_step, (x, y)))
    history = []
    distributed = strategy.experimental_distribute_dataset(dataset().repeat(EPOCHS))
    with UpdatePruning(training_steps=STEPS).loop(model) as pruning:
        for batch in distributed:
            step(*batch)
            pruning.step()
            assert_masks_hold(model)
            history.append(masks(model)[0])
    return summary(model, history)


def summary(model, history):
    return {
        "history": np.stack(history),
        "masks": masks(model),
        "weights": [kernel.variable.numpy() for kernel in kernels(model)],
        "sparsity": sparsities(model),
    }


def work(package, index, ports, criterion):
    """One of several workers."""
    keras = importlib.import_module(package)
    strategy = join_cluster(index, ports)
    assert strategy.num_replicas_in_sync == len(ports)
    with strategy.scope():
        model = make(keras, criterion)
    if package == "tf_keras" or fit_works(keras, strategy):
        done = fit(keras, model)
    else:
        done = loop(keras, model, strategy)
    return done


def fit_works(keras, strategy):
    """Whether `fit` of this Keras works at all, for a model that is not pruned."""
    with strategy.scope():
        model = compile_model(keras, dense_model(keras), "sgd")
    try:
        model.fit(dataset(), verbose=0)
    except ValueError:
        return False
    return True


def work_alone(package, criterion):
    """The same with the whole batch in one process."""
    keras = importlib.import_module(package)
    warnings.simplefilter("ignore")
    return fit(keras, make(keras, criterion))


def test_two_workers_train_as_one(keras):
    package, ports = keras.__name__, free_ports(WORKERS)
    calls = [(work, package, index, ports, "l2_norm") for index in range(WORKERS)]
    *workers, alone = processes.run_together([*calls, (work_alone, package, "l2_norm")])
    assert_workers_agree(*workers)
    np.testing.assert_array_equal(workers[0]["history"], alone["history"])
    # A worker's half of a sum is rounded before the halves are added.
    for name in ("masks", "weights"):
        for one, whole in zip(workers[0][name], alone[name], strict=True):
            np.testing.assert_allclose(one, whole, atol=1e-5)


@pytest.mark.long
def test_workers_share_what_their_gradients_say(keras):
    """Each sees other gradients: absolute values add up, so one worker alone ranks otherwise."""
    package, ports = keras.__name__, free_ports(WORKERS)
    calls = [(work, package, index, ports, "gradient") for index in range(WORKERS)]
    assert_workers_agree(*processes.run_together(calls))


def assert_workers_agree(first, second):
    """To the last bit, after every step, and at the target."""
    assert first["sparsity"] == second["sparsity"] == [0.75, 0.75]
    assert len(first["history"]) == STEPS
    np.testing.assert_array_equal(first["history"], second["history"])
    for one, other in zip(first["weights"], second["weights"], strict=True):
        np.testing.assert_array_equal(one, other)
