"""Where the time of a training step goes: the halves of a step, dense and pruned.

The pruned model minus the dense one says what pruning adds to each half: to the gradients,
what reading kernels and masking their gradients takes; to the optimizer, the constraints.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import tensorflow as tf

from benchmarks.step_timing import time_in_turns
from benchmarks.training_models import Batch
from benchmarks.training_variants import Variant


def gradient_part(keras: ModuleType, variant: Variant, batch: Batch) -> Callable[[], Any]:
    """The forward and backward pass of a step."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model, (inputs, labels) = variant.model, [tf.constant(part) for part in batch]
    variables = _trained(model)
    if keras.__name__ == "keras":  # a tape knows what its variables hold
        variables = [variable.value for variable in variables]

    def gradients() -> Any:
        with tf.GradientTape() as tape:
            value = loss(labels, model(inputs, training=True))
        return tape.gradient(value, variables)

    step: Callable[[], Any] = tf.function(gradients)
    return step


def optimizer_part(gradients: Callable[[], Any], model: Any) -> Callable[[], Any]:
    """What the optimizer does with the gradients, constraints included."""
    values = gradients()

    def apply() -> None:
        model.optimizer.apply_gradients(zip(values, _trained(model), strict=True))

    step: Callable[[], Any] = tf.function(apply)
    return step


def time_parts(
    keras: ModuleType, variants: list[Variant], batch: Batch, seconds: float
) -> list[dict[str, Any]]:
    """Times the halves of a step of each variant.

    Args:
        keras: The Keras of the models.
        variants: The dense one first; each has made a step.
        batch: Inputs and labels.
        seconds: How long to time each half.

    Returns:
        Milliseconds of wall and processor time, and nanoseconds of the latter for each weight
        of the model, by variant and half.
    """
    weights = variants[0].model.count_params()
    gradients = [gradient_part(keras, variant, batch) for variant in variants]
    optimizers = [
        optimizer_part(part, variant.model)
        for part, variant in zip(gradients, variants, strict=True)
    ]
    rows = []
    for half, parts in (("gradients", gradients), ("optimizer", optimizers)):
        for variant, took in zip(variants, time_in_turns(parts, seconds), strict=True):
            rows.append(
                {
                    "part": half,
                    "variant": variant.name,
                    "ms": took.ms,
                    "cpu_ms": took.cpu_ms,
                    "ns_per_weight": 1e6 * took.cpu_ms / weights,
                }
            )
    return rows


def _trained(model: Any) -> list[Any]:
    return list(model.trainable_variables)
