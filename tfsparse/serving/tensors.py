"""Arrays as tensors of the C API, and back.

Memory: TensorFlow wants its memory aligned to 64 bytes, and NumPy aligns to 16, so an input is
copied once, into memory of TensorFlow's. A large output is not copied: the array looks at the
tensor's memory, and gives the tensor back when it is collected. It does so only where nobody else
holds that memory (`TF_TensorMaybeMove`), as who writes to the array would write to a constant of
the model otherwise.

Strings are objects in TensorFlow's memory (``TF_TString``, 24 bytes). Those of an input are ours
until TensorFlow calls the deallocator, which may be long after the call: a model may keep its
input.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfsparse.serving.c_api import Deallocator, function

_STRING = 7  # TF_STRING
_STRING_BYTES = 24
_LARGE = 64 * 1024
"""Bytes from which an output is looked at and not copied."""
_SMALL = 16 * 1024
"""Bytes up to which a copy by way of `bytes` is faster than to ask NumPy for an address."""

_allocate = function("TF_AllocateTensor")
_new = function("TF_NewTensor")
_data = function("TF_TensorData")
_delete = function("TF_DeleteTensor")
_may_move = function("TF_TensorMaybeMove")
_type = function("TF_TensorType")
_rank = function("TF_NumDims")
_dim = function("TF_Dim")
_init_string = function("TF_StringInit")
_copy_string = function("TF_StringCopy")
_free_string = function("TF_StringDealloc")
_string_data = function("TF_StringGetDataPointer")
_string_size = function("TF_StringGetSize")
_move = ctypes.memmove
_DIMS = [ctypes.c_int64 * rank for rank in range(16)]


def to_tensor(array: np.ndarray, dtype: int) -> int:
    """A new tensor with the values of an array.

    Args:
        array: Of the NumPy type that belongs to `dtype`; for strings of any that holds texts.
        dtype: ``TF_DataType``.

    Returns:
        ``TF_Tensor*``, to be given back by `delete_tensor`.
    """
    shape = array.shape
    rank = len(shape)
    dims = (_DIMS[rank] if rank < len(_DIMS) else ctypes.c_int64 * rank)(*shape)
    if dtype == _STRING:
        return _strings_to_tensor(array, dims)
    size = array.nbytes
    tensor: int = _allocate(dtype, dims, rank, size)
    if size <= _SMALL:
        _move(_data(tensor), array.tobytes(), size)
    else:
        array = np.ascontiguousarray(array)
        _move(_data(tensor), array.ctypes.data, size)
    return tensor


def to_array(tensor: int, dtype: np.dtype[Any]) -> np.ndarray:
    """The values of a tensor, which is given back, even where this fails.

    Args:
        tensor: ``TF_Tensor*``.
        dtype: The NumPy type that belongs to its own.
    """
    shape = tuple([_dim(tensor, axis) for axis in range(_rank(tensor))])
    is_text = _type(tensor) == _STRING
    size = math.prod(shape) * dtype.itemsize
    if not is_text and size >= _LARGE and _may_move(tensor):
        memory = (ctypes.c_byte * size).from_address(_data(tensor))
        weakref.finalize(memory, _delete, tensor).atexit = False
        return np.ndarray(shape, dtype, memory)
    try:
        if is_text:
            return _strings_to_array(tensor, shape)
        array = np.empty(shape, dtype)
        if size:
            _move(array.ctypes.data, _data(tensor), size)
        return array
    finally:
        _delete(tensor)


def delete_tensor(tensor: int) -> None:
    """Gives a tensor back."""
    _delete(tensor)


_lent: dict[int, Any] = {}
"""Address to the strings that TensorFlow may still read."""


@Deallocator  # type: ignore[untyped-decorator]
def _take_back(data: int, size: int, _: Any) -> None:
    for place in range(data, data + size, _STRING_BYTES):
        _free_string(place)
    del _lent[data]


def _strings_to_tensor(array: np.ndarray, dims: Any) -> int:
    size = array.size * _STRING_BYTES
    memory = (ctypes.c_byte * (size + 64))()
    data = (ctypes.addressof(memory) + 63) // 64 * 64
    for index, value in enumerate(array.flat):
        text = value.encode() if isinstance(value, str) else bytes(value)
        _init_string(data + index * _STRING_BYTES)
        _copy_string(data + index * _STRING_BYTES, text, len(text))
    _lent[data] = memory
    tensor: int = _new(_STRING, dims, len(array.shape), data, size, _take_back, None)
    return tensor


def _strings_to_array(tensor: int, shape: Sequence[int]) -> np.ndarray:
    data = _data(tensor)
    texts = np.empty(math.prod(shape), object)
    for index in range(texts.size):
        place = data + index * _STRING_BYTES
        texts[index] = ctypes.string_at(_string_data(place), _string_size(place))
    return texts.reshape(shape)
