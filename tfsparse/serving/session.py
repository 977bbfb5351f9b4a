"""A SavedModel in a session of TensorFlow's C API.

Ops run on the thread that calls (``inter_op_parallelism_threads = -1``), since to hand a call to
another thread takes longer than a small model. Within an op the threads of a pool help.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfsparse.serving.c_api import Element, Status, function
from tfsparse.serving.thread_pool import own_pools


class Session:
    """A session, which ends when nobody holds it any longer.

    Attributes:
        pointer: ``TF_Session*``.
        meta_graph: The ``MetaGraphDef`` that it was made of, without its graph.

    Args:
        folder: Folder of the SavedModel.
        threads: Threads of an op.
        tags: Tags of the graph in it.
    """

    def __init__(self, folder: str, threads: int, tags: Sequence[str] = ("serve",)) -> None:
        self.pointer: int | None = None
        self._process = os.getpid()
        self._status = Status()
        self._graph = function("TF_NewGraph")()
        self._close = function("TF_CloseSession"), function("TF_DeleteSession")
        self._delete_graph = function("TF_DeleteGraph")
        buffer = function("TF_NewBuffer")()
        try:
            self.pointer = self._load(folder, threads, tags, buffer)
            data = ctypes.string_at(buffer.contents.data, buffer.contents.length)
        finally:
            function("TF_DeleteBuffer")(buffer)
        self.meta_graph = tf.compat.v1.MetaGraphDef.FromString(data)
        self.meta_graph.ClearField("graph_def")

    def element(self, name: str) -> Element:
        """An element of the graph, such as ``"serving_default_x:0"``.

        Raises:
            ValueError: If there is none of that name.
        """
        operation_name, _, index = name.partition(":")
        operation = function("TF_GraphOperationByName")(self._graph, operation_name.encode())
        number = int(index) if index.isdecimal() else 0
        if not operation or number >= function("TF_OperationNumOutputs")(operation):
            raise ValueError(
                f"The signature should name elements of the graph. Received: {name!r}, which the "
                "graph does not have"
            )
        return Element(operation, number)

    def _load(self, folder: str, threads: int, tags: Sequence[str], buffer: Any) -> int:
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=threads,
            inter_op_parallelism_threads=-1,
            device_count={"GPU": 0},
        ).SerializeToString()
        options = function("TF_NewSessionOptions")()
        try:
            function("TF_SetConfig")(options, config, len(config), self._status.pointer)
            self._status.check()
            with own_pools():
                pointer: int = function("TF_LoadSessionFromSavedModel")(
                    options,
                    None,
                    folder.encode(),
                    (ctypes.c_char_p * len(tags))(*[tag.encode() for tag in tags]),
                    len(tags),
                    self._graph,
                    buffer,
                    self._status.pointer,
                )
            self._status.check()
        finally:
            function("TF_DeleteSessionOptions")(options)
        return pointer

    def __del__(self) -> None:
        if self._process != os.getpid():  # a fork, which has none of the session's threads
            return
        if self.pointer:
            for end in self._close:
                end(self.pointer, self._status.pointer)
        self._delete_graph(self._graph)
