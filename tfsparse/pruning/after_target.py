"""`AfterTarget`: keeps a callback waiting until the model is as sparse as it will be.

A callback that compares epochs (which one was best? has it stopped improving?)
compares dense models with sparse ones as long as the sparsity grows, and mostly
prefers the dense ones. So it is told nothing of an epoch before the target.

What is passed on, always: the model, the parameters, the begin and the end of
training. `EarlyStopping` restores nothing at the end unless it has seen an
epoch, and those it sees are sparse; its patience and its baseline count from
the target on. From the target on: epochs, batches and evaluations, each with
its begin and its end. Where the target is reached inside an epoch, the callback
is told of that epoch's begin late, because `ModelCheckpoint` wants to know its
number; and it is told of the end of the epoch, whose last weights are sparse.

Cost: until the target, a look at each layer's position in its schedule per
batch; afterwards one more call.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.callback_protocol import CallbackProtocol

_EVALUATION_HOOKS = tuple(
    f"on_{mode}_{moment}"
    for mode in ("test", "predict")
    for moment in ("begin", "end", "batch_begin", "batch_end")
)


class AfterTarget(CallbackProtocol):
    """Callback that wakes another callback when every pruned layer is at its target.

    For callbacks that compare epochs, such as `EarlyStopping`, `ModelCheckpoint`
    with `save_best_only=True` and `ReduceLROnPlateau`: without it the best epoch
    is often one from before pruning, and the best model a dense one. Put it after
    `tfsparse.UpdatePruning`.

    Args:
        callback: A callback of Keras 3 or tf_keras. The attribute `callback` has it
            afterwards: ``after_target.callback.stopped_epoch``.

    Raises:
        ValueError: If `callback` is not a callback; when training begins, if the
            model has no pruned layer.

    Example:

    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> model = tfsparse.prune_block(model, "4x1", schedule=0.5)
    >>> model.compile("adam", "mse")
    >>> stopping = keras.callbacks.EarlyStopping(
    ...     "loss", patience=2, restore_best_weights=True
    ... )
    >>> history = model.fit(
    ...     np.ones((16, 8)), np.ones((16, 4)), batch_size=4, epochs=5, verbose=0,
    ...     callbacks=[tfsparse.UpdatePruning(), AfterTarget(stopping)],
    ... )
    >>> tfsparse.sparsity_report(model).total_sparsity
    0.5
    """

    _awake: bool

    def __init__(self, callback: Any) -> None:
        if isinstance(callback, type) or not all(
            hasattr(callback, hook) for hook in ("on_epoch_end", "set_model")
        ):
            raise ValueError(
                "`callback` should be a callback of Keras 3 or tf_keras. "
                f"Received: callback={callback!r}"
            )
        super().__init__()
        self.callback = callback
        # What Keras reads off a callback to spare itself work holds for the other's.
        self._supports_tf_logs = getattr(callback, "_supports_tf_logs", False)
        self._chief_worker_only = getattr(callback, "_chief_worker_only", None)
        for hook in _EVALUATION_HOOKS:
            if not getattr(getattr(callback, hook), "_is_default", False):
                setattr(self, hook, functools.partial(self._tell, hook))
        self._layers: list[Any] = []
        self._forget(training=False)

    def set_params(self, params: dict[str, Any] | None) -> None:
        """Passes the parameters of `fit` on."""
        super().set_params(params)
        self.callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Passes the model on."""
        super().set_model(model)
        self.callback.set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Passes it on, and waits from now on."""
        self._layers = list(pruned_layers(self.model))
        if not self._layers:
            raise ValueError(
                "`model` should have layers from `tfsparse.prune_block` when trained with "
                f"`AfterTarget`. Received: model={self.model.name!r}"
            )
        self._forget(training=True)
        self.callback.on_train_begin(logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Passes it on, and says if it was the first thing that was."""
        self.callback.on_train_end(logs)
        if not self._awake:
            warnings.warn(
                f"The target sparsity was not reached, so `{type(self.callback).__name__}` was "
                "never asked. Was `tfsparse.UpdatePruning()` passed to `fit`, and was training "
                "long enough for the schedule?",
                stacklevel=2,
            )
        self._training = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Passes it on once the target is reached."""
        self._epoch = epoch
        self._wake_up()
        self._tell_of_epoch(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Passes it on once the target is reached."""
        self._wake_up()
        self._tell_of_epoch()
        self._tell("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Passes it on once the target is reached."""
        self._wake_up()
        self._tell_of_epoch()
        self._tell("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Passes it on if the begin was passed on, before which alone it wakes up."""
        self._tell("on_train_batch_end", batch, logs)

    def _forget(self, training: bool) -> None:
        self._training = training
        self._awake = False
        self._epoch = 0
        self._told_epoch: int | None = None

    def _wake_up(self) -> None:
        if self._awake or not all(map(_is_at_target, self._layers)):
            return
        # Looked up only now, because it takes longer than to ask them: a layer
        # may have been made by the first call of the model.
        self._layers = list(pruned_layers(self.model))
        self._awake = all(map(_is_at_target, self._layers))

    def _tell(self, hook: str, *arguments: Any, **keywords: Any) -> None:
        # An evaluation on its own, outside of a training, has no target to wait for.
        if self._awake or not self._training:
            getattr(self.callback, hook)(*arguments, **keywords)

    def _tell_of_epoch(self, logs: Any = None) -> None:
        """Tells of the begin of the epoch, late if need be."""
        if self._awake and self._told_epoch != self._epoch:
            self._told_epoch = self._epoch
            self.callback.on_epoch_begin(self._epoch, logs)

    def _implements_train_batch_hooks(self) -> bool:
        asked = getattr(self.callback, "_implements_train_batch_hooks", None)
        return True if asked is None else bool(asked())


def _is_at_target(layer: Any) -> bool:
    return layer.pruning is not None and bool(layer.pruning.reached_target)
