"""All of tfsparse that uses private TensorFlow API; repair it here when TensorFlow moves.

Four things have no public form: what the outputs of an op are called (a `FunctionDef`
refers to them by name), a resource placeholder that knows the shape of its variable (or
shape inference stops at every read), a function with the calling convention of
another one (`tf.function` would make up one of its own), and what a SavedModel consists of, to
load it without some of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.eager.polymorphic_function import (
    concrete_function as concrete_lib,
)
from tensorflow.python.framework import func_graph as func_graph_lib
from tensorflow.python.framework import op_def_registry
from tensorflow.python.ops import handle_data_util, resource_variable_ops
from tensorflow.python.saved_model import function_deserialization, load_v1_in_v2
from tensorflow.python.saved_model import load as load_lib

OpDef = Any
"""`OpDef` of TensorFlow; protobuf classes carry no types."""


def op_def(op: str) -> OpDef | None:
    """The definition of a registered op, or None."""
    return op_def_registry.get(op)


def resource_placeholder(like: tf.Tensor, name: str) -> tf.Tensor:
    """A placeholder of a resource in the current graph.

    Args:
        like: The handle that it stands for. Its shape and type of element are copied.
        name: Name of the placeholder.
    """
    placeholder = tf.compat.v1.placeholder(tf.resource, shape=[], name=name)
    data = resource_variable_ops.get_eager_safe_handle_data(like)
    if data is not None and data.is_set:
        handle_data_util.set_handle_data(placeholder, data)
    return placeholder


def function_like(
    source: Any, run: Callable[..., Sequence[tf.Tensor]], effects: Sequence[str] | None = None
) -> Any:
    """A concrete function with the calling convention of another one.

    Args:
        source: A `tf.ConcreteFunction`.
        run: Called once, with a tensor for each of the flat inputs of `source`; gives the
            flat outputs. What it captures becomes a capture of the new function.
        effects: Names of nodes that run besides what the outputs need, in a graph that orders
            its effects itself. By default TensorFlow orders them, which it cannot do for loops of
            TF1.

    Returns:
        The new `tf.ConcreteFunction`.
    """
    graph = source.graph
    specs = [
        tf.TensorSpec(placeholder.shape, placeholder.dtype, _argument_name(placeholder))
        for placeholder in graph.inputs[: len(graph.inputs) - len(graph.captures)]
    ]
    made = func_graph_lib.func_graph_from_py_func(
        "converted",
        lambda *inputs: list(run(*inputs)),
        specs,
        {},
        add_control_dependencies=effects is None,
    )
    if effects is not None:
        made.control_outputs.extend(made.get_operation_by_name(name) for name in effects)
    made.structured_input_signature = graph.structured_input_signature
    made.structured_outputs = graph.structured_outputs
    function = concrete_lib.ConcreteFunction.from_func_graph(made, source.function_type, {})
    function._arg_keywords = source._arg_keywords
    function._num_positional_args = source._num_positional_args
    function.add_to_graph()
    return function


def _argument_name(placeholder: tf.Tensor) -> str:
    name: str = placeholder.op.name
    return name


def polymorphic_function(source: Any, functions: Sequence[Any]) -> Any:
    """A function of several signatures, called as another one is.

    Args:
        source: The function as `tf.saved_model.load` restored it.
        functions: What takes the place of each of its `concrete_functions`.

    Returns:
        A callable that `tf.saved_model.save` writes and `tf.saved_model.load` restores.
    """
    allow = function_deserialization._concrete_function_callable_with
    call = function_deserialization._call_concrete_function

    def restored(*args: Any, **kwargs: Any) -> Any:
        for conversion in (False, True):
            for function in functions:
                if allow(function, (args, kwargs), conversion):
                    return call(function, (args, kwargs))
        known = [function.structured_input_signature for function in functions]
        raise ValueError(f"The inputs should fit one of {known}. Received: {(args, kwargs)}")

    return function_deserialization.RestoredFunction(
        restored, "restored", source.function_spec, list(functions)
    )


def initializer_like(source: Any, function: Any) -> Any:
    """An object that runs a function when a model is loaded.

    Args:
        source: The one of a TF1 SavedModel, as it was loaded.
        function: What it is to run, given the paths of the assets.

    Returns:
        A trackable object.
    """
    return load_v1_in_v2._Initializer(function, source._asset_paths)


def initializer_function(source: Any) -> Any:
    """The function that the initializer of a TF1 SavedModel runs."""
    return source._init_fn


def argument_names(signature: Any) -> list[str]:
    """Names of a signature's inputs, in the order of its flat inputs."""
    return [str(name) for name in signature._arg_keywords]


def saved_model_of(serialized: bytes) -> Any:
    """The `SavedModel` protobuf that a ``saved_model.pb`` holds.

    Raises:
        google.protobuf.message.DecodeError: If it holds none.
    """
    return saved_model_pb2.SavedModel.FromString(serialized)


def load_with(path: str, objects: Mapping[str, Any], tags: Sequence[str] | None) -> Any:
    """Loads a SavedModel with other objects in the place of some.

    Args:
        path: Its folder.
        objects: Paths in the object graph, such as ``"root.list.0"``, to trackable objects. What
            the file has there is neither made nor restored.
        tags: Tags of the graph to load; None where there is one graph.

    Returns:
        What `tf.saved_model.load` gives, with these objects. A variable that the checkpoint lacks
        has no value, which is an error where it is read.
    """
    # Without this TensorFlow warns of each value that nothing takes.
    options = tf.saved_model.LoadOptions(allow_partial_checkpoint=True)
    asked = {"root": None, **objects}
    return load_lib.load_partial(path, asked, tags=tags, options=options)["root"]
