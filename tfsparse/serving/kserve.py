"""KServe: a model for ``kserve.ModelServer``, in both of its protocols.

The first protocol is TensorFlow Serving's: ``{"instances": [...]}``, one example after the other,
or ``{"inputs": ...}``, whole columns; ``{"b64": "..."}`` is bytes. The second is the Open Inference
Protocol, with a tensor for each input, as JSON or as bytes. A call runs on a thread of a pool, so
that the server answers others meanwhile: the model releases the GIL.
"""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model
from kserve.errors import InvalidInput
from kserve.utils.numpy_codec import from_np_dtype

from tfsparse.serving.json_values import read_value
from tfsparse.serving.loading import load
from tfsparse.serving.rows import call_columns, stack, unstack
from tfsparse.serving.served_model import ServedModel


class KServeModel(Model):  # type: ignore[misc]
    """Serves a SavedModel by KServe.

    Use it as ``kserve.ModelServer().start([KServeModel("digits", "/mnt/models")])``. A request that
    the model cannot take is answered with 400 and the reason.

    Args:
        name: What the model is called in requests.
        path: Folder of the SavedModel.
        signature: See `tfsparse.load`.
        threads: Threads of an op; by default as many as cores that the process may use. Take 1
            where many requests come at once, or where the server has several workers.

    Raises:
        FileNotFoundError: If there is no SavedModel.
        ValueError: See `tfsparse.load`.
    """

    def __init__(
        self, name: str, path: str, signature: str | None = None, threads: int | None = None
    ) -> None:
        super().__init__(name)
        self._load = path, signature, threads
        self._model: ServedModel | None = None
        self.load()

    def load(self) -> bool:
        """Loads the model, and says that it is ready."""
        self._model = load(*self._load)
        self.ready = True
        return self.ready

    def stop(self) -> None:
        """Ends the model."""
        self.ready = False
        if self._model is not None:
            self._model.close()

    async def predict(
        self,
        payload: dict[str, Any] | InferRequest,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> dict[str, Any] | InferResponse:
        """Answers a request of either protocol."""
        assert self._model is not None
        answer = _open_inference if isinstance(payload, InferRequest) else _version_1
        call: Callable[[], Any] = functools.partial(answer, self.name, self._model, payload)
        return await asyncio.get_running_loop().run_in_executor(None, call)


def _version_1(_: str, model: ServedModel, payload: Mapping[str, Any]) -> dict[str, Any]:
    try:
        if "instances" in payload:
            columns = stack(model, [read_value(each) for each in payload["instances"]])
            count = len(payload["instances"])
            results = unstack(call_columns(model, columns), count)
            return {"predictions": [_as_json(each) for each in results]}
        columns = _columns(model, payload["inputs"])
        outputs = call_columns(model, columns)
        return {"outputs": _as_json(outputs if len(outputs) > 1 else next(iter(outputs.values())))}
    except _REFUSED as error:
        raise InvalidInput(_reason(error)) from error


def _columns(model: ServedModel, inputs: Any) -> dict[str, Any]:
    columns = read_value(inputs)
    if isinstance(columns, Mapping):
        return dict(columns)
    return {next(iter(model.signature.inputs)): columns}


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _as_json(each) for name, each in value.items()}
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.ndarray | np.generic):
        return _as_json(value.tolist())
    return [_as_json(each) for each in value] if isinstance(value, list) else value


def _open_inference(name: str, model: ServedModel, request: InferRequest) -> InferResponse:
    try:
        outputs = call_columns(model, {each.name: each.as_numpy() for each in request.inputs})
    except _REFUSED as error:
        raise InvalidInput(_reason(error)) from error
    return InferResponse(
        response_id=request.id or str(uuid.uuid4()),
        model_name=name,
        infer_outputs=_tensors(outputs, request),
    )


def _tensors(outputs: Mapping[str, np.ndarray], request: InferRequest) -> Sequence[InferOutput]:
    """The outputs, as bytes where the request asks for that."""
    binary = bool((request.parameters or {}).get("binary_data_output"))
    tensors = []
    for name, value in outputs.items():
        made = InferOutput(name, list(value.shape), from_np_dtype(value.dtype))
        made.set_data_from_numpy(value, binary_data=binary)
        tensors.append(made)
    return tensors


_REFUSED = (ValueError, TypeError, KeyError, IndexError)
"""What comes of values that are no examples of the model."""


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"The request should have {error}, and has not"
    return str(error) or type(error).__name__
