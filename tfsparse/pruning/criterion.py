"""Criteria by name: what makes a block matter, the lowest being pruned first.

A criterion maps the blocks of a kernel to one score each. There are three kinds:

- magnitudes (`magnitude.py`), which look at the weights and so work at any time;
- ``"gradient"`` and ``"gradient_momentum"`` (`gradient_score.py`), which follow a
  training and have no scores before its first step;
- a function of the user's. It is saved with a model by its name, so the process
  that loads the model has to register it under that name first.

A new magnitude is a function in `magnitude.py` and a row in `CRITERIA`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, overload

import numpy as np

from tfsparse.pruning.gradient_score import MOMENTUM, SINCE_UPDATE, Memory
from tfsparse.pruning.magnitude import l1_norm, l2_norm, max_magnitude, mean_magnitude

Scores = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
_UserFunction = TypeVar("_UserFunction", bound=Callable[[np.ndarray], Any])


@dataclasses.dataclass(frozen=True)
class Criterion:
    """Scores blocks.

    Attributes:
        name: What it is saved as.
        function: Maps blocks ``(..., rows, columns, A, B)`` and the number of
            elements of each to scores ``(..., rows, columns)``. None for a
            criterion that needs gradients.
        memory: How long a criterion that needs gradients remembers them, None
            for others.
    """

    name: str
    function: Scores | None = dataclasses.field(default=None, compare=False, repr=False)
    memory: Memory | None = None

    @property
    def needs_gradients(self) -> bool:
        """Whether scores are gathered while training, by a `GradientScore`."""
        return self.memory is not None

    def __call__(self, blocks: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
        """Scores blocks.

        Args:
            blocks: Real array of shape ``(..., rows, columns, A, B)``, zeros
                where a block sticks out over the matrix.
            sizes: Elements of each block inside the matrix; broadcasts to
                ``(..., rows, columns)``. By default all of them.

        Returns:
            float64 array of shape ``(..., rows, columns)``. NaN counts as most
            important.

        Raises:
            ValueError: If the criterion needs gradients.
        """
        if self.function is None:
            raise ValueError(
                "`criterion` should be one that needs no gradients where there is no training. "
                f"Received: criterion={self.name!r}"
            )
        return self.function(blocks, sizes)


CRITERIA: dict[str, Criterion] = {
    criterion.name: criterion
    for criterion in (
        Criterion("l1_norm", l1_norm),
        Criterion("l2_norm", l2_norm),
        Criterion("mean_magnitude", mean_magnitude),
        Criterion("max_magnitude", max_magnitude),
        Criterion("gradient", memory=SINCE_UPDATE),
        Criterion("gradient_momentum", memory=MOMENTUM),
    )
}

# Functions of the user's and what they are saved as.
_REGISTERED: dict[str, Callable[[np.ndarray], Any]] = {}


@overload
def register_criterion(function: _UserFunction, *, name: str | None = None) -> _UserFunction: ...


@overload
def register_criterion(
    function: None = None, *, name: str | None = None
) -> Callable[[_UserFunction], _UserFunction]: ...


def register_criterion(function: Any = None, *, name: str | None = None) -> Any:
    """Registers a function as a criterion, so that models pruned by it can be loaded.

    Use it as a decorator, in a module that is imported wherever such models are
    loaded. Passing a function to `tfsparse.prune_block` registers it as well, for
    the process that does so.

    Args:
        function: Maps the blocks of a kernel to scores; the lowest are pruned
            first, NaN counts as most important. It gets one array of floats
            ``(..., rows, columns, A, B)``, to be read only, with zeros where a
            block sticks out over the matrix, and returns a real array
            ``(..., rows, columns)``.
        name: What it is saved as. By default ``"module>function"``.

    Returns:
        The function as it is.

    Raises:
        ValueError: If it cannot be called, if the name is that of a criterion
            of tfsparse, or, for a function without a name of its own such as a
            lambda, if another function has its name.

    Example:

    >>> @register_criterion(name="my_package>range")
    ... def value_range(blocks):
    ...     return blocks.max(axis=(-2, -1)) - blocks.min(axis=(-2, -1))
    >>> layer = tfsparse.prune_block(keras.layers.Dense(8), "4x1", criterion=value_range)
    >>> layer.get_config()["criterion"]
    'my_package>range'
    """
    if function is None:
        return lambda function: register_criterion(function, name=name)
    if not callable(function):
        raise ValueError(f"`function` should be callable. Received: function={function!r}")
    if name is None:
        name = _name_of(function)
        # A function that is defined again takes its own place, and no other's.
        if _is_anonymous(function) and _REGISTERED.get(name, function) != function:
            raise ValueError(
                "`criterion` should have a name of its own, which "
                "`tfsparse.register_criterion(function, name=...)` gives it: another function is "
                f"registered as {name!r}. Received: criterion={function!r}"
            )
    if not isinstance(name, str) or not name or name in CRITERIA:
        raise ValueError(
            f"`name` should be a name other than {sorted(CRITERIA)}. Received: name={name!r}"
        )
    _REGISTERED[name] = function
    return function


def get_criterion(criterion: str | Callable[[np.ndarray], Any] | Criterion) -> Criterion:
    """Reads a `criterion` argument.

    Args:
        criterion: A name, a function as `register_criterion` takes it, or a
            `Criterion`.

    Returns:
        A `Criterion`.

    Raises:
        ValueError: If there is none of that name, or it is none of these.

    Example:

    >>> get_criterion("l1_norm")(np.array([[[[1.0], [-2.0]]]])).tolist()
    [[3.0]]
    """
    if isinstance(criterion, Criterion):
        return criterion
    if isinstance(criterion, str):
        if criterion in CRITERIA:
            return CRITERIA[criterion]
        if criterion in _REGISTERED:
            return _of_user(criterion, _REGISTERED[criterion])
    elif callable(criterion):
        names = [name for name, function in _REGISTERED.items() if function == criterion]
        if not names:
            register_criterion(criterion)
            names = [_name_of(criterion)]
        return _of_user(names[-1], criterion)
    raise ValueError(
        f"`criterion` should be one of {sorted(CRITERIA)}, a function, or the name of one that "
        f"`tfsparse.register_criterion` has registered. Received: criterion={criterion!r}"
    )


def _name_of(function: Any) -> str:
    # An object that can be called is known by its class.
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}>{named.__qualname__}"


def _is_anonymous(function: Any) -> bool:
    """Whether others may have its name: a lambda, what a function defines, a method, an object."""
    bound = getattr(function, "__self__", None) is not None
    return bound or "<" in getattr(function, "__qualname__", "<")


def _of_user(name: str, function: Callable[[np.ndarray], Any]) -> Criterion:
    def scores(blocks: np.ndarray, sizes: np.ndarray | None) -> np.ndarray:
        # NumPy computes neither with bfloat16 nor, without overflow, with float16.
        view = (blocks.astype(np.float32) if blocks.dtype.itemsize < 4 else blocks).view()
        view.flags.writeable = False
        return _checked(name, function(view), view.shape)

    return Criterion(name, scores)


def _checked(name: str, scores: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(scores)
    if array.shape != shape[:-2] or array.dtype.kind not in "fiub":
        raise ValueError(
            f"`criterion` should map blocks of shape {shape} to real scores of shape {shape[:-2]}. "
            f"Received: criterion={name!r}, which returned shape={array.shape}, "
            f"dtype={array.dtype}"
        )
    return array.astype(np.float64)
