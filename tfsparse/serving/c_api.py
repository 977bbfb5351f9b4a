"""TensorFlow's C API, as far as a session needs it, by way of `ctypes`.

Why: of the 240 microseconds that a call of a signature takes for a small model, the model itself
takes 15. The rest is Python, which makes tensors, functions and contexts around it. The C API has
none of that, and the wheel of TensorFlow brings it along in a library that Python's TensorFlow has
loaded already: same code, same ops, same process. A call by `ctypes` takes less than a microsecond
and releases the GIL while it runs.

What has to be right: every status is looked at, and what TensorFlow gives is given back once.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from pathlib import Path
from typing import Any

import tensorflow as tf

_POINTER = ctypes.c_void_p
_INT, _SIZE, _TEXT = ctypes.c_int, ctypes.c_size_t, ctypes.c_char_p

Deallocator = ctypes.CFUNCTYPE(None, _POINTER, _SIZE, _POINTER)
"""What TensorFlow calls when it no longer needs memory that it was lent."""


class Element(ctypes.Structure):
    """``TF_Output``: an output of an operation of a graph."""

    _fields_ = (("operation", _POINTER), ("index", _INT))


class Buffer(ctypes.Structure):
    """``TF_Buffer``: bytes."""

    _fields_ = (("data", _POINTER), ("length", _SIZE), ("deallocator", _POINTER))


_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "TF_NewStatus": (_POINTER, ()),
    "TF_DeleteStatus": (None, (_POINTER,)),
    "TF_GetCode": (_INT, (_POINTER,)),
    "TF_Message": (_TEXT, (_POINTER,)),
    "TF_NewGraph": (_POINTER, ()),
    "TF_DeleteGraph": (None, (_POINTER,)),
    "TF_GraphOperationByName": (_POINTER, (_POINTER, _TEXT)),
    "TF_OperationNumOutputs": (_INT, (_POINTER,)),
    "TF_NewBuffer": (ctypes.POINTER(Buffer), ()),
    "TF_DeleteBuffer": (None, (ctypes.POINTER(Buffer),)),
    "TF_NewSessionOptions": (_POINTER, ()),
    "TF_DeleteSessionOptions": (None, (_POINTER,)),
    "TF_SetConfig": (None, (_POINTER, _TEXT, _SIZE, _POINTER)),
    "TF_LoadSessionFromSavedModel": (
        _POINTER,
        (_POINTER, _POINTER, _TEXT, _POINTER, _INT, _POINTER, ctypes.POINTER(Buffer), _POINTER),
    ),
    "TF_CloseSession": (None, (_POINTER, _POINTER)),
    "TF_DeleteSession": (None, (_POINTER, _POINTER)),
    "TF_SessionRun": (
        None,
        (
            *(_POINTER, _POINTER, _POINTER, _POINTER, _INT, _POINTER, _POINTER, _INT),
            *(_POINTER, _INT, _POINTER, _POINTER),
        ),
    ),
    "TF_AllocateTensor": (_POINTER, (_INT, _POINTER, _INT, _SIZE)),
    "TF_NewTensor": (
        _POINTER,
        (_INT, _POINTER, _INT, _POINTER, _SIZE, Deallocator, _POINTER),
    ),
    "TF_DeleteTensor": (None, (_POINTER,)),
    "TF_TensorMaybeMove": (_POINTER, (_POINTER,)),
    "TF_TensorData": (_POINTER, (_POINTER,)),
    "TF_TensorByteSize": (_SIZE, (_POINTER,)),
    "TF_TensorType": (_INT, (_POINTER,)),
    "TF_NumDims": (_INT, (_POINTER,)),
    "TF_Dim": (ctypes.c_int64, (_POINTER, _INT)),
    "TF_StringInit": (None, (_POINTER,)),
    "TF_StringCopy": (None, (_POINTER, _TEXT, _SIZE)),
    "TF_StringDealloc": (None, (_POINTER,)),
    "TF_StringGetDataPointer": (_POINTER, (_POINTER,)),
    "TF_StringGetSize": (_SIZE, (_POINTER,)),
}


@functools.cache
def _library() -> ctypes.CDLL:
    (path,) = sorted(Path(tf.sysconfig.get_lib()).glob("libtensorflow_cc.so.?"))[-1:]
    return ctypes.CDLL(str(path))


def function(name: str) -> Any:
    """A function of the C API, such as ``"TF_SessionRun"``."""
    found = getattr(_library(), name)
    found.restype, found.argtypes = _FUNCTIONS[name]
    return found


_ERRORS: dict[int, Any] = {
    1: tf.errors.CancelledError,
    2: tf.errors.UnknownError,
    3: tf.errors.InvalidArgumentError,
    4: tf.errors.DeadlineExceededError,
    5: tf.errors.NotFoundError,
    6: tf.errors.AlreadyExistsError,
    7: tf.errors.PermissionDeniedError,
    8: tf.errors.ResourceExhaustedError,
    9: tf.errors.FailedPreconditionError,
    10: tf.errors.AbortedError,
    11: tf.errors.OutOfRangeError,
    12: tf.errors.UnimplementedError,
    13: tf.errors.InternalError,
    14: tf.errors.UnavailableError,
    15: tf.errors.DataLossError,
    16: tf.errors.UnauthenticatedError,
}


class Status:
    """``TF_Status``: whether a call went well. For one thread."""

    def __init__(self) -> None:
        self.pointer = function("TF_NewStatus")()
        self._delete = function("TF_DeleteStatus")
        self._code = function("TF_GetCode")
        self._message = function("TF_Message")

    def check(self) -> None:
        """Raises what TensorFlow said, as the error of `tf.errors` that it is."""
        code = self._code(self.pointer)
        if code:
            message = self._message(self.pointer).decode(errors="replace")
            raise _ERRORS.get(code, tf.errors.UnknownError)(None, None, message)

    def __del__(self) -> None:
        self._delete(self.pointer)


class ThreadStatus(threading.local):
    """A status for each thread."""

    def __init__(self) -> None:
        self.status = Status()
