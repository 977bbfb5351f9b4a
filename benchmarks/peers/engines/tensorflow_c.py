"""What tfsparse exports, through TensorFlow's C API: what a program without Python pays.

The calls are those of `examples/c_client`, made by ctypes on TensorFlow's own library; Python's
TensorFlow is not imported. ctypes itself takes about a microsecond of each call. The result of
a run is given back in the next.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

_DISTRIBUTION = importlib.metadata.distribution("tensorflow")
_ROOT = Path(__file__).resolve().parents[3]
_FLOAT = 1  # TF_FLOAT
VERSION = _DISTRIBUTION.version


class _Output(ctypes.Structure):
    _fields_ = (("operation", c_void_p), ("index", c_int))


# Name: result, arguments. Pointers to what the C API hides are void.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TF_NewStatus": (c_void_p, []),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_Message": (c_char_p, [c_void_p]),
    "TF_LoadLibrary": (c_void_p, [c_char_p, c_void_p]),
    "TF_NewGraph": (c_void_p, []),
    "TF_NewSessionOptions": (c_void_p, []),
    "TF_SetConfig": (None, [c_void_p, c_char_p, c_size_t, c_void_p]),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        [c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p, c_void_p, c_void_p],
    ),
    "TF_GraphOperationByName": (c_void_p, [c_void_p, c_char_p]),
    "TF_AllocateTensor": (c_void_p, [c_int, POINTER(c_int64), c_int, c_size_t]),
    "TF_DeleteTensor": (None, [c_void_p]),
    "TF_TensorData": (c_void_p, [c_void_p]),
    "TF_TensorByteSize": (c_size_t, [c_void_p]),
    "TF_SessionRun": (
        None,
        [
            *(c_void_p, c_void_p),
            *(POINTER(_Output), POINTER(c_void_p), c_int),
            *(POINTER(_Output), POINTER(c_void_p), c_int),
            *(c_void_p, c_int, c_void_p, c_void_p),
        ],
    ),
}


class _CApi:
    """The functions above, and one status for all of them."""

    def __init__(self) -> None:
        folder = Path(str(_DISTRIBUTION.locate_file("tensorflow")))
        library = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name.removeprefix("TF_"), function)
        self.status = self.NewStatus()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def check(self) -> None:
        if self.GetCode(self.status):
            raise RuntimeError(self.Message(self.status).decode())


class _Session:
    """A session with one input fed and one output fetched."""

    def __init__(self, folder: Path, x: np.ndarray, threads: int) -> None:
        api = self._api = _CApi()
        api.LoadLibrary(str(_ROOT / "tfsparse/ops/libtfsparse_ops.so").encode(), api.status)
        api.check()
        options, graph = api.NewSessionOptions(), api.NewGraph()
        # A ConfigProto: intra_op_parallelism_threads is its field 2, inter_op its field 5. The
        # latter is -1, so that ops run on the calling thread: no call is handed to another.
        config = bytes([2 << 3, threads, 5 << 3, *[0xFF] * 9, 1])
        api.SetConfig(options, config, len(config), api.status)
        api.check()
        tags = (c_char_p * 1)(b"serve")
        self._session = api.LoadSessionFromSavedModel(
            options, None, str(folder).encode(), tags, 1, graph, None, api.status
        )
        api.check()
        input_, output = _signature_elements(folder)
        self._input, self._output = self._find(graph, input_), self._find(graph, output)
        self._x = (c_void_p * 1)(self._tensor(x))
        self._y = (c_void_p * 1)(None)

    def run(self) -> _Session:
        api = self._api
        if self._y[0]:
            api.DeleteTensor(self._y[0])
            self._y[0] = None
        fed = (self._input, self._x, 1)
        fetched = (self._output, self._y, 1)
        api.SessionRun(self._session, None, *fed, *fetched, None, 0, None, api.status)
        api.check()
        return self

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        y = self._y[0]
        address, size = self._api.TensorData(y), self._api.TensorByteSize(y)
        return np.frombuffer(ctypes.string_at(address, size), np.float32)

    def _find(self, graph: Any, element: str) -> Any:
        name, _, index = element.partition(":")
        operation = self._api.GraphOperationByName(graph, name.encode())
        if not operation:
            raise RuntimeError(f"the graph has no element {element}")
        return (_Output * 1)(_Output(operation, int(index)))

    def _tensor(self, x: np.ndarray) -> Any:
        shape = (c_int64 * x.ndim)(*x.shape)
        tensor = self._api.AllocateTensor(_FLOAT, shape, x.ndim, x.nbytes)
        ctypes.memmove(self._api.TensorData(tensor), x.ctypes.data, x.nbytes)
        return tensor


def load(case: Path, precision: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """See the package."""
    return _Session(case / precision, np.ascontiguousarray(x), threads).run


def _signature_elements(folder: Path) -> tuple[str, str]:
    """Graph elements of the input and the output, as the host wrote them down."""
    input_, output = (folder / "elements.txt").read_text().split()
    return input_, output
