"""Prunes a model on two workers with `MultiWorkerMirroredStrategy`; see `--help`.

Starts the workers as processes of this machine. On machines of their own each would be started by
itself, with a `TF_CONFIG` in its environment that lists all of them: that is all that differs.

Each worker trains on its part of every batch, and the gradients are added up. So all of them have
the same weights, make the same masks of them, and end with the same model. The first one, the
chief, writes its weights to a file, which this program then converts like those of any model.

tf_keras trains by `fit`. Keras 3 (3.15) has no `fit` for several workers, so it trains by a loop.
"""

import argparse
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WORKERS, GLOBAL_BATCH, TEST = 2, 64, 360


def digits() -> tuple[Any, Any]:
    """Images of 64 pixels in [0, 1] with their labels: to train on, and to test on."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    return (x[TEST:], y[TEST:]), (x[:TEST], y[:TEST])


def make_model(keras: Any) -> Any:
    """A perceptron that `prune_block` has wrapped."""
    import tfsparse

    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(512, "relu", name=f"hidden_{i}") for i in range(2)]
    head = keras.layers.Dense(10, name="digit")
    model = keras.Sequential([keras.layers.Input((64,), name="x"), *hidden, head])
    return tfsparse.prune_block(model, "4x1", 0.9, exclude=["digit"])


def train_by_fit(keras: Any, model: Any, data: Any, epochs: int) -> None:
    """What `fit` does on one machine it does on several."""
    import tfsparse

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.fit(data, epochs=epochs, callbacks=[tfsparse.UpdatePruning()], verbose=0)


def train_by_loop(keras: Any, model: Any, data: Any, epochs: int, strategy: Any) -> None:
    """A step of `strategy.run`, then one of the pruning."""
    import tensorflow as tf

    import tfsparse

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    with strategy.scope():
        optimizer = keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)

    def on_a_worker(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True)) / GLOBAL_BATCH  # gradients are added up
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    step = tf.function(lambda x, y: strategy.run(on_a_worker, (x, y)))
    steps = epochs * len(data)
    with tfsparse.UpdatePruning(training_steps=steps).loop(model, optimizer) as pruning:
        for x, y in strategy.experimental_distribute_dataset(data.repeat(epochs)):
            step(x, y)
            pruning.step()


def work(package: str, epochs: int, weights: Path) -> None:
    """What every worker does; its `TF_CONFIG` says which one it is."""
    import numpy as np
    import tensorflow as tf

    keras = importlib.import_module(package)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before anything else of TensorFlow's
    train, _ = digits()
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.DATA  # a worker takes every other example
    options.experimental_distribute.auto_shard_policy = policy
    data = tf.data.Dataset.from_tensor_slices(train).shuffle(len(train[0]), seed=1)
    data = data.batch(GLOBAL_BATCH, drop_remainder=True).with_options(options)
    with strategy.scope():
        model = make_model(keras)
    if package == "tf_keras":
        train_by_fit(keras, model, data, epochs)
    else:
        train_by_loop(keras, model, data, epochs, strategy)
    resolver = strategy.cluster_resolver
    print(f"worker {resolver.task_id}: trained as one of {strategy.num_replicas_in_sync}")
    if resolver.task_id == 0:
        np.savez(weights, *model.get_weights())


def start_workers(command: list[Any]) -> None:
    """Starts the workers of a cluster on this machine and waits until they are done.

    Args:
        command: What each of them runs.

    Raises:
        RuntimeError: If one fails; the others are ended.
    """
    addresses = [f"127.0.0.1:{port}" for port in _free_ports()]
    workers = []
    for index in range(WORKERS):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = os.environ | {"TF_CONFIG": json.dumps(task)}
        workers.append(subprocess.Popen(command, env=environment))
    try:
        while any(worker.poll() is None for worker in workers):
            if any(worker.poll() for worker in workers):
                break  # the others would wait for it
            time.sleep(0.05)
        if any(worker.poll() != 0 for worker in workers):
            raise RuntimeError("a worker failed; what it said stands above")
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _free_ports() -> list[int]:
    """Ports that nothing listened to a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(WORKERS)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def convert(package: str, weights: Path, out: Path) -> float:
    """Converts what the chief has written; gives the accuracy of what is served."""
    import numpy as np

    import tfsparse

    model = make_model(importlib.import_module(package))
    with np.load(weights) as arrays:
        model.set_weights([arrays[name] for name in arrays.files])
    print(tfsparse.sparsity_report(model))
    train, test = digits()
    print(tfsparse.export(model, str(out), precision="int8", calibration_data=train[0][:256]))
    with tfsparse.load(str(out)) as served:
        return float((served(test[0]).argmax(-1) == test[1]).mean())


def main() -> None:
    """Starts the workers, or is one of them."""
    parser = argparse.ArgumentParser(description="Prunes a model on two workers, and converts it.")
    parser.add_argument("--keras", default="keras", choices=["keras", "tf_keras"])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("artifacts/two_workers/1"))
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.weights:
        work(options.keras, options.epochs, options.weights)
        return
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch, "weights.npz")
        start_workers([sys.executable, __file__, *sys.argv[1:], "--weights", weights])
        accuracy = convert(options.keras, weights, options.out)
    print(f"{options.out}: {accuracy:.1%} of the test images are right")


if __name__ == "__main__":
    main()
