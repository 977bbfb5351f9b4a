"""Gradient accumulation: an optimizer of Keras 3 that changes weights at every n-th call only.

tf_keras has none. Keras counts its calls without giving public access to them:
its public `iterations` are changes of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf


def accumulated_batches(optimizer: Any) -> int:
    """Batches whose gradients an optimizer accumulates for one step, 1 if it does not."""
    # One that scales the loss leaves it to the optimizer inside.
    for one in (optimizer, getattr(optimizer, "inner_optimizer", None)):
        if number := _period(one):
            return number
    return 1


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
def updates_weights(optimizer: Any, variable: Any) -> tf.Tensor | None:
    """Whether the call that an optimizer is in changes a variable.

    Args:
        optimizer: Optimizer of either Keras, maybe one around others; or None.
        variable: What it trains.

    Returns:
        Scalar bool tensor; None if every call changes it.
    """
    for one in _optimizers(optimizer):
        followed = getattr(one, "_trainable_variables", None) or ()
        if (number := _period(one)) and any(other is variable for other in followed):
            calls = tf.convert_to_tensor(one._iterations)  # this one not counted yet
            return tf.equal((calls + 1) % number, 0)
    return None


def _optimizers(optimizer: Any) -> Iterator[Any]:
    """An optimizer and those inside it: of one that scales the loss, of one for several."""
    if optimizer is not None:
        yield optimizer
        for inner in (getattr(optimizer, "inner_optimizer", None), *_parts(optimizer)):
            yield from _optimizers(inner)


def _parts(optimizer: Any) -> list[Any]:
    return list(getattr(optimizer, "optimizers", ()))


def _period(optimizer: Any) -> int:
    return int(getattr(optimizer, "gradient_accumulation_steps", None) or 0)
