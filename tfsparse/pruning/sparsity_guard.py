"""Keeps callbacks from putting dense weights back when training ends.

`EarlyStopping(restore_best_weights=True)` sets the weights of the epoch whose
metric was best, and that is often one from before pruning: masks are weights,
so they go back as well. Nothing fails and nothing is said; the model is dense.

The guard looks at the masks after every other callback was told of the end. If
they prune less than they did when training ended, it puts back what training
ended with, and warns. Putting the sparsity back instead, by pruning the
restored weights anew, would give a model that was never trained and whose
metric nobody has seen. Nothing is lost either way: `EarlyStopping` keeps what
it restored in `best_weights`. Weights that are not finite are not put back.

The best epoch *among the sparse ones* is what `AfterTarget` gives, and the
warning says so.

Cost: one copy of the weights on the host, twice at the end of a `fit`, when
gradients need no memory any more; nothing during training.

How it comes last: `fit` tells its callbacks of the end in the order of their
list, to which it appends the `History` that `model.history` is. So the guard
waits for that one, through its `on_train_end`. Where there is none (a custom
loop, a list of callbacks made by hand), it looks when `UpdatePruning` is told.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfsparse.pruning.mask_sparsity import mask_sparsity
from tfsparse.pruning.pruned_kernel import PrunedKernel


class SparsityGuard:
    """Notices that masks were lost, and puts back the weights that had them.

    Args:
        model: The model that is trained.
        kernels: Its pruned kernels.
        refuse: Whether to put weights back, or else only to warn.
    """

    def __init__(self, model: Any, kernels: Sequence[PrunedKernel], refuse: bool) -> None:
        self._model = model
        self._kernels = kernels
        self._refuse = refuse
        self._sparsity = 0.0
        self._weights: list[np.ndarray] | None = None

    def remember(self, sparsity: float, is_last: bool) -> None:
        """Notes how far training has come.

        Args:
            sparsity: Sparsity of the masks.
            is_last: Whether training ends here, so that the weights are noted too.
        """
        self._sparsity = sparsity
        self._weights = None  # first, so that two copies never exist at once
        if self._refuse and is_last:
            self._weights = self._model.get_weights()

    def settle(self) -> None:
        """Puts back the weights that were noted if those of the model are less sparse."""
        weights, self._weights = self._weights, None
        sparsity = mask_sparsity(self._kernels)
        if sparsity >= self._sparsity:
            return
        refused = weights is not None and all(_is_finite(weight) for weight in weights)
        if refused:
            self._model.set_weights(weights)
        warnings.warn(
            f"A callback put back weights of {sparsity:.2%} sparsity when training ended, which "
            f"had reached {self._sparsity:.2%}. "
            + (
                "They were refused: the model has the weights that training ended with. "
                if refused
                else "The model has them now. "
            )
            + "To get the best weights of those that reached the target, pass "
            "`tfsparse.AfterTarget(EarlyStopping(..., restore_best_weights=True))`.",
            stacklevel=2,
        )


def call_after_callbacks(model: Any, params: dict[str, Any], function: Callable[[], None]) -> bool:
    """Calls a function once, when all callbacks of a `fit` were told of its end.

    Args:
        model: The model that is trained.
        params: Parameters of `fit`, the very dictionary that callbacks got: it
            tells the `History` of this `fit` from an earlier one's.
        function: What to call.

    Returns:
        Whether it will be called.
    """
    history = getattr(model, "history", None)
    if history is None or getattr(history, "params", None) is not params:
        return False
    told = history.on_train_end

    def on_train_end(logs: Any = None) -> None:
        vars(history).pop("on_train_end", None)  # another callback's may have taken it off
        told(logs)
        function()

    history.on_train_end = on_train_end
    return True


def _is_finite(weight: np.ndarray) -> bool:
    try:
        return bool(np.isfinite(weight).all())
    except TypeError:  # the vocabulary of a lookup
        return True
