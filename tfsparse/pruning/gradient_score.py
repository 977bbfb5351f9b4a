"""Gradient criteria: what the loss would lose with a block, gathered while training.

What. To first order, setting a weight w to zero changes the loss by ``-w * g``,
where g is the gradient of the loss. The importance of a block is the sum of
``abs(w * g)`` over its weights. Molchanov et al. (2019) call it the first-order
Taylor importance (their ``(g * w)^2``, whose order for one weight is the same),
and average it over the mini-batches between two prunings; SNIP (Lee et al., 2019)
calls it connection sensitivity and takes it from one batch before the training.
The two criteria differ in what they remember of a step's sum s:

- ``"gradient"``: the sum of s over all steps since the masks were last updated,
  as in Molchanov et al. With an update after every step it is that step alone;
- ``"gradient_momentum"``: ``score = 0.99 * score + s``, a moving average over all
  steps, in which a step's weight halves every 69 steps.

How. The kernel that a layer reads goes through `GradientScore.watch`, which changes
nothing but what happens in a backward pass: there the gradient comes by, and what it
adds up to in each block goes into a variable. So it works wherever gradients are taken:
in `fit`, custom loops, several steps per execution and XLA, and a forward pass
alone costs nothing.

What counts as a gradient. Each gradient that arrives counts by itself: that of
each use of a shared layer, of each mini-batch that is accumulated into one step,
and of each replica of a distributed training. Absolute values are summed, so
they cannot cancel, and differ from those of the sum of the gradients. A loss
scale multiplies all scores alike, which changes no ranking; a gradient that it
made infinite or NaN is left out as a whole. A pruned block has the weight 0 and
adds 0.

Cost. 4 bytes for each block, a quarter of the kernel in float32 for "4x1", and as
much as the kernel for single elements; a product and a sum over the kernel in
each backward pass.

Reference:

- Molchanov et al., "Importance Estimation for Neural Network Pruning", CVPR 2019.
- Lee, Ajanthan and Torr, "SNIP: Single-shot Network Pruning based on Connection
  Sensitivity", ICLR 2019.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse.pattern import BlockPattern, KernelView
from tfsparse.pruning.block_mask import block_sums


@dataclasses.dataclass(frozen=True)
class Memory:
    """How long gradients are remembered.

    Attributes:
        of_steps: Factor of the score before another gradient is added to it.
        of_updates: Factor of the score when masks were updated.
    """

    of_steps: float
    of_updates: float


# What is left of the time before an update breaks ties, and stands in where there has
# been no finite gradient since.
SINCE_UPDATE = Memory(of_steps=1.0, of_updates=2.0**-20)
# Covers about the 100 steps that a schedule has between two updates by default.
MOMENTUM = Memory(of_steps=0.99, of_updates=1.0)


class GradientScore:
    """Gathers the importance of the blocks of one kernel.

    Args:
        variable: float32 variable of the shape of the mask, zeros at first; not
            trainable, and under `tf.distribute` one that each replica adds to by
            itself and that is summed when it is read.
        block: The block that a flag of the mask covers.
        view: How the kernel is viewed as matrices.
        memory: How long gradients are remembered.
        name: Name of the kernel or its layer, for errors.
    """

    def __init__(
        self, variable: Any, block: BlockPattern, view: KernelView, memory: Memory, name: str
    ) -> None:
        self.variable = variable
        self._block = block
        self._view = view
        self._memory = memory
        self._name = name

    def watch(self, kernel: tf.Tensor) -> tf.Tensor:
        """The kernel as it is; what its gradient adds up to is gathered.

        Args:
            kernel: Tensor of shape ``view.shape`` that a layer is about to read,
                its pruned blocks at zero.

        Returns:
            The same tensor.
        """

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def watched(values: tf.Tensor) -> Any:
            def backward(gradient: Any) -> tf.Tensor:
                gradient = tf.convert_to_tensor(gradient)
                # Tied to the gradient, or a function that is built for the backward pass
                # alone would leave it out.
                with tf.control_dependencies([self._add(values, gradient)]):
                    return tf.identity(gradient)

            return tf.identity(values), backward

        same: tf.Tensor = watched(kernel)
        return same

    def scores(self) -> np.ndarray:
        """The importance of each block so far.

        Returns:
            float32 array of the shape of the mask.

        Raises:
            ValueError: If no gradient has reached the kernel yet.
        """
        scores = np.asarray(self.variable.numpy())
        if scores.size and not scores.any():
            raise ValueError(
                "`criterion` should be one that needs no gradients for a layer that the loss does "
                "not depend on, or that is pruned before its first training step. Received: a "
                f"criterion of gradients for {self._name!r}, which no gradient has reached"
            )
        return scores

    def updated(self) -> None:
        """Notes that masks were updated by these scores."""
        if self._memory.of_updates != 1.0:
            self.variable.assign(self.variable.numpy() * np.float32(self._memory.of_updates))

    def _add(self, kernel: tf.Tensor, gradient: tf.Tensor) -> Any:
        products = tf.abs(tf.cast(kernel, tf.float32) * tf.cast(gradient, tf.float32))
        sums = block_sums(products, self._view, self._block)
        # What a variable of Keras 3 holds: its own `assign` does not return the operation.
        variable = self.variable if isinstance(self.variable, tf.Variable) else self.variable.value
        before = tf.convert_to_tensor(variable)
        finite = tf.reduce_all(tf.math.is_finite(sums))
        after = tf.where(finite, self._memory.of_steps * before + sums, before)
        return variable.assign(after, read_value=False)
