"""What a callback list of Keras 3 or tf_keras calls, without importing either.

Both accept any object with these methods. Hooks that do nothing are marked the
way Keras marks its own, so that neither version calls them for every batch or
gives up asynchronous dispatch because of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _unused(hook: Callable[..., None]) -> Callable[..., None]:
    hook._is_default = True  # type: ignore[attr-defined]
    return hook


class CallbackProtocol:
    """A callback that does nothing, for both versions of Keras."""

    # tf_keras: whether logs may be tensors, and whether to run on the chief only.
    _supports_tf_logs = True
    _chief_worker_only = None

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.model: Any = None
        self.validation_data = None

    def set_params(self, params: dict[str, Any] | None) -> None:
        """Receives the parameters of `fit`."""
        self.params = params or {}

    def set_model(self, model: Any) -> None:
        """Receives the model."""
        self.model = model

    @_unused
    def on_train_begin(self, logs: Any = None) -> None:
        """Called when training begins."""

    @_unused
    def on_train_end(self, logs: Any = None) -> None:
        """Called when training ends."""

    @_unused
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Called when an epoch begins."""

    @_unused
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called when an epoch ends."""

    @_unused
    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Older name of `on_train_batch_begin`."""

    @_unused
    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Older name of `on_train_batch_end`."""

    @_unused
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before a batch."""

    @_unused
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after a batch, or after several that run in one execution."""

    @_unused
    def on_test_begin(self, logs: Any = None) -> None:
        """Called when evaluation begins."""

    @_unused
    def on_test_end(self, logs: Any = None) -> None:
        """Called when evaluation ends."""

    @_unused
    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before a batch of evaluation."""

    @_unused
    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after a batch of evaluation."""

    @_unused
    def on_predict_begin(self, logs: Any = None) -> None:
        """Called when prediction begins."""

    @_unused
    def on_predict_end(self, logs: Any = None) -> None:
        """Called when prediction ends."""

    @_unused
    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before a batch of prediction."""

    @_unused
    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after a batch of prediction."""

    def _implements_train_batch_hooks(self) -> bool:
        return self._implements("on_batch_begin", "on_batch_end") or self._implements(
            "on_train_batch_begin", "on_train_batch_end"
        )

    def _implements_test_batch_hooks(self) -> bool:
        return self._implements("on_test_batch_begin", "on_test_batch_end")

    def _implements_predict_batch_hooks(self) -> bool:
        return self._implements("on_predict_batch_begin", "on_predict_batch_end")

    def _implements(self, *names: str) -> bool:
        return any(not getattr(getattr(self, name), "_is_default", False) for name in names)
