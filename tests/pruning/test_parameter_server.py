"""`ParameterServerStrategy`: two workers train variables that lie in another process's place.

The servers are threads of one process, as TensorFlow's own tests have them; variables are reached
by RPC all the same. Steps of several workers are under way at once, so weights are not those of
one machine, but masks are: the coordinator alone makes them. tf_keras trains with `fit`, and Keras
3 cannot, for any model; a loop over `ClusterCoordinator.schedule` works with both. Masks are asked
for at the end: in between, a step of tf_keras leaves values where a mask has zeros.
"""

import importlib
import warnings

import pytest
import tensorflow as tf

from tests import processes
from tfsparse import UpdatePruning

from .helpers import STEPS_PER_EPOCH, assert_masks_hold, data, masks, sparsities
from .test_multi_worker import BATCH, EPOCHS, STEPS, free_ports, make

WORKERS = 2
pytestmark = pytest.mark.long


def start_servers():
    """A cluster of this process's threads; gives the strategy and what has to be kept."""
    ports = iter(free_ports(WORKERS + 1))
    tasks = {"worker": WORKERS, "ps": 1}
    addresses = {job: [f"127.0.0.1:{next(ports)}" for _ in range(n)] for job, n in tasks.items()}
    cluster = tf.train.ClusterSpec(addresses)
    # Servers of one process wait for each other: with a thread a core, all of them may be waiting.
    config = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=WORKERS + 2)
    servers = [
        tf.distribute.Server(cluster, job, index, config=config)
        for job, n in tasks.items()
        for index in range(n)
    ]
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, rpc_layer="grpc")
    return tf.distribute.ParameterServerStrategy(resolver), servers


def dataset():
    return tf.data.Dataset.from_tensor_slices(data()).batch(BATCH).repeat()


def loop(keras, model, strategy):
    """Schedules a step of each worker, and moves the pruning on once both are done."""
    optimizer = model.optimizer
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    with strategy.scope():
        optimizer.build(model.trainable_variables)

    def replica_step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True)) / BATCH + sum(model.losses)
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    @tf.function
    def step(batches):
        strategy.run(replica_step, next(batches))

    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    batches = iter(coordinator.create_per_worker_dataset(dataset))
    with UpdatePruning(training_steps=STEPS).loop(model) as pruning:
        while optimizer.iterations.numpy() < STEPS:
            for _ in range(WORKERS):
                coordinator.schedule(step, (batches,))
            coordinator.join()
            pruning.step()


def work(package, how):
    """Trains one model, in a process of its own."""
    keras = importlib.import_module(package)
    warnings.simplefilter("ignore")
    strategy, _servers = start_servers()
    with strategy.scope():
        model = make(keras)
    before = [mask.all() for mask in masks(model)]
    if how == "fit":
        model.fit(
            dataset(),
            epochs=EPOCHS,
            steps_per_epoch=STEPS_PER_EPOCH,
            verbose=0,
            callbacks=[UpdatePruning()],
        )
    else:
        loop(keras, model, strategy)
    assert_masks_hold(model)
    return before, sparsities(model), int(model.optimizer.iterations.numpy())


def test_a_loop(keras):
    before, after, steps = processes.run(work, keras.__name__, "loop", timeout=60)
    assert all(before) and after == [0.75, 0.75] and steps == STEPS


def test_fit_of_tf_keras():
    before, after, steps = processes.run(work, "tf_keras", "fit", timeout=60)
    assert all(before) and after == [0.75, 0.75] and steps == STEPS
