"""A loaded model: arrays in, arrays out, with as little between them as Python allows.

A call checks each input, copies it into a tensor, runs the session, and makes arrays of what comes
out. It takes no lock. `close` drops the model's session; a call that is under way holds it until it
is done. The GIL is released while the model runs, so threads run it at the same time.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from tfsparse.ops.export_info import ExportInfo
from tfsparse.serving.c_api import Element, ThreadStatus, function
from tfsparse.serving.input_values import checked
from tfsparse.serving.session import Session
from tfsparse.serving.signature import Signature, Spec
from tfsparse.serving.tensors import delete_tensor, to_array, to_tensor

_run_session = function("TF_SessionRun")


class ServedModel:
    """A model that `tfsparse.load` has loaded: callable, for any number of threads.

    Called with an array it gives an array, or a dict of arrays where the signature has several
    outputs. Inputs may be given by name. A dict of inputs gives a dict of outputs. Lists and
    numbers become arrays of the signature's type; an array has to have it already.

    Attributes:
        path: Folder of the SavedModel.
        signature: The signature that is served: its `inputs` and `outputs`, by name, with their
            `dtype` and `shape`.
        threads: Threads that an op uses at most.
        info: What the model says of its conversion; None for a model of others.

    Example:

    >>> layers = [keras.layers.Input((8,), name="x"), keras.layers.Dense(4)]
    >>> report = tfsparse.export(keras.Sequential(layers), "served/1")
    >>> with tfsparse.load("served/1") as model:
    ...     y = model(np.ones((2, 8), np.float32))
    ...     outputs = model({"x": np.ones((2, 8), np.float32)})
    >>> y.shape, list(outputs)
    ((2, 4), ['output_0'])
    """

    def __init__(
        self,
        path: str,
        signature: Signature,
        session: Session,
        threads: int,
        info: ExportInfo | None,
        reload: tuple[Callable[..., ServedModel], tuple[Any, ...]],
    ) -> None:
        self.path = path
        self.signature = signature
        self.threads = threads
        self.info = info
        self._reload = reload
        self._process = os.getpid()
        self._session: Session | None = session
        self._statuses = ThreadStatus()
        self._inputs = tuple(signature.inputs.values())
        self._outputs = tuple(signature.outputs.values())
        self._fed = _elements(session, self._inputs)
        self._fetched = _elements(session, self._outputs)
        self._in, self._out = (
            (ctypes.c_void_p * len(self._fed)),
            (ctypes.c_void_p * len(self._outputs)),
        )

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        """Runs the model.

        Args:
            *args: The input, if there is just one, or a dict of all. Types and shapes are those
                of `signature.inputs`.
            **inputs: Inputs by name.

        Returns:
            The output; a dict of name to output if there are several or a dict was given.

        Raises:
            TypeError: If the inputs are not those of the signature, or not of their types.
            ValueError: If an input has another shape.
            RuntimeError: If the model is closed, or the process was forked after it was loaded.
            tf.errors.OpError: If the model fails.
        """
        if len(args) == 1 and not inputs:
            value = args[0]
            if isinstance(value, Mapping):
                return dict(
                    zip(self.signature.outputs, self._run(self._by_name(value)), strict=True)
                )
            if len(self._inputs) == 1:
                outputs = self._run([value])
            else:
                raise self._wrong("one without a name")
        elif args:
            raise self._wrong(f"{len(args)} without a name and {sorted(inputs)}")
        else:
            outputs = self._run(self._by_name(inputs))
        if len(outputs) == 1:
            return outputs[0]
        return dict(zip(self.signature.outputs, outputs, strict=True))

    def warm_up(self, batch_size: int = 1) -> None:
        """Runs the model once on zeros, as its first call takes longer than others.

        Args:
            batch_size: The first size of each input, where it is open.

        Raises:
            ValueError: If other sizes are open. Call the model with an example then.
        """
        zeros = []
        for spec in self._inputs:
            shape = spec.shape
            if shape is None or None in shape[1:]:
                raise ValueError(
                    "`warm_up` should be called where the first size of each input is the only one "
                    f"that is open. Received: {spec.name!r} of shape {shape}. Call the model with "
                    "an example instead."
                )
            sizes = [batch_size if size is None else size for size in shape]
            empty: Any = b"" if spec.dtype == object else 0
            zeros.append(np.full(sizes, empty, spec.dtype))
        self._run(zeros)

    def close(self) -> None:
        """Gives the memory of the model back, once the calls that are under way have ended."""
        self._session = None

    def __enter__(self) -> ServedModel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> Any:
        """By path: who unpickles it loads the model."""
        return self._reload

    def __repr__(self) -> str:
        def listed(specs: Mapping[str, Spec]) -> str:
            return ", ".join(f"{each.name}: {each.dtype}{each.shape}" for each in specs.values())

        signature = self.signature
        return (
            f"<tfsparse model {self.path!r}, {signature.key}: ({listed(signature.inputs)}) -> "
            f"({listed(signature.outputs)}), threads={self.threads}>"
        )

    def _by_name(self, values: Mapping[str, Any]) -> list[Any]:
        defaults = self.signature.defaults
        if len(values) != len(self._inputs) and defaults:
            values = {**defaults, **values}
        try:
            found = [values[spec.name] for spec in self._inputs]
        except KeyError:
            raise self._wrong(sorted(values)) from None
        if len(values) != len(found):
            raise self._wrong(sorted(values))
        return found

    def _wrong(self, received: Any) -> TypeError:
        return TypeError(
            f"The inputs should be {sorted(self.signature.inputs)}, by name. Received: {received}"
        )

    def _run(self, values: list[Any]) -> list[np.ndarray]:
        session = self._session
        if session is None:
            raise RuntimeError(
                f"A model should be called before it is closed. Received: a call of {self.path!r} "
                "after `close`"
            )
        if self._process != os.getpid():
            raise RuntimeError(_FORKED)
        status = self._statuses.status
        tensors: list[int] = []
        try:
            for spec, value in zip(self._inputs, values, strict=True):
                tensors.append(to_tensor(checked(spec, value), spec.enum))
            fetched = self._out()
            _run_session(
                *(session.pointer, None, self._fed, self._in(*tensors), len(tensors)),
                *(self._fetched, fetched, len(fetched), None, 0, None, status.pointer),
            )
        finally:
            for tensor in tensors:
                delete_tensor(tensor)
        status.check()
        rest = iter(fetched)
        try:
            return [
                to_array(tensor, spec.dtype)
                for spec, tensor in zip(self._outputs, rest, strict=True)
            ]
        finally:  # where one could not be made an array, the others are given back
            for tensor in rest:
                delete_tensor(tensor)


_FORKED = (
    "A model should be called in the process that has loaded it. Received: a call in a forked "
    "process, which has none of TensorFlow's threads. Start processes by "
    "multiprocessing.get_context('spawn'), which load the model for themselves."
)


def _elements(session: Session, specs: tuple[Spec, ...]) -> Any:
    return (Element * len(specs))(*[session.element(spec.element) for spec in specs])
