"""Changes to a SavedModel: its bytes, its graph, what its variables hold."""

import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tests.fuzz.edges import integer, put, reshaped

OURS = "Tfsparse>"
DTYPES = [tf.float32, tf.uint8, tf.int8, tf.int32, tf.bfloat16, tf.float64, tf.string, tf.bool]
BUNDLE = "variables/variables"


def mutate(rng, source, target):
    """Writes a changed copy of a model; gives the names of the changes."""
    shutil.copytree(source, target)
    change = rng.choice([_bytes, _graph, _graph, _graph, _graph, _variables, _variables])
    changes = change(rng, Path(target))
    if _kills_tensorflow(Path(target)):
        shutil.copy2(Path(source) / "saved_model.pb", target)
        return "nothing"
    return changes


def _kills_tensorflow(folder):
    """Whether TensorFlow itself would die, before or beside our ops.

    Its optimizer reads the value of every constant as the type that the op says, and it lists as
    many types of inputs as the ``N`` of an op says before it looks at the inputs; when memory ends
    there, its session hangs.
    """
    try:
        content = (folder / "saved_model.pb").read_bytes()
        model = saved_model_pb2.SavedModel.FromString(content)
    except DecodeError:
        return False
    graphs = [meta_graph.graph_def for meta_graph in model.meta_graphs]
    places = [place for graph in graphs for place in (graph, *graph.library.function)]
    nodes = [node for place in places for node in _nodes(place)]
    return any(
        (node.op == "Const" and node.attr["value"].tensor.dtype != node.attr["dtype"].type)
        or (not node.op.startswith(OURS) and not 0 <= node.attr["N"].i <= len(node.input))
        for node in nodes
        if node.op == "Const" or "N" in node.attr
    )


# Bytes.


def _bytes(rng, folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    weights = [4 if path.name == "saved_model.pb" else 1 for path in files]
    (file,) = rng.choices(files, weights)
    content = bytearray(file.read_bytes())
    for _ in range(rng.choice([1, 1, 2, 8])):
        _change_bytes(rng, content)
    file.write_bytes(content)
    return f"bytes of {file.name}"


def _change_bytes(rng, content):
    if not content:
        return
    place, length = rng.randrange(len(content)), rng.choice([1, 1, 2, 4, 8, 64])
    kind = rng.randrange(5)
    if kind == 0:
        content[place] ^= 1 << rng.randrange(8)
    elif kind == 1:
        content[place : place + length] = rng.randbytes(length)
    elif kind == 2:
        content[place : place + length] = b"\xff" * length
    elif kind == 3:
        content[place:place] = content[place : place + length]
    else:
        del content[place : place + (length if rng.random() < 0.8 else len(content))]


# The graph.


def _graph(rng, folder):
    file = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    changes = [_change_graph(rng, model) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    try:
        file.write_bytes(model.SerializeToString())
    except ValueError:  # such as text that is no UTF-8
        return "nothing"
    return ", ".join(changes)


def _change_graph(rng, model):
    graph = model.meta_graphs[0].graph_def
    places = [graph, *graph.library.function]
    nodes = [node for place in places for node in _nodes(place)]
    ours = [node for node in nodes if node.op.startswith(OURS)]
    node = rng.choice(ours if ours and rng.random() < 0.6 else nodes)
    kind = rng.choice(["attribute"] * 5 + ["constant"] * 3 + ["input", "op", "signature"])
    if kind == "attribute":
        return f"{node.op}.{_attribute(rng, node)}"
    if kind == "constant":
        node = rng.choice([node for node in nodes if node.op == "Const"])
        return f"{node.name}: {_constant(rng, node)}"
    if kind == "input":
        return f"{node.op}: {_inputs(rng, node, nodes)}"
    if kind == "op":
        node.op = rng.choice(sorted({each.op for each in nodes} | {"Tfsparse>ActivationRange"}))
        return f"op is {node.op}"
    return _signature(rng, model)


def _nodes(place):
    return place.node_def if hasattr(place, "node_def") else place.node


def _attribute(rng, node):
    key = rng.choice(sorted(node.attr) or ["units"])
    value = node.attr[key]
    kind = value.WhichOneof("value")
    if rng.random() < 0.1:
        del node.attr[key]
        return f"{key} is gone"
    if rng.random() < 0.15:
        kind = rng.choice(["i", "b", "f", "type", "s", "shape", "list"])
    if kind == "i":
        value.i = integer(rng)
    elif kind == "b":
        value.b = not value.b
    elif kind == "f":
        value.f = rng.choice([0.0, -1.0, float("nan"), float("inf"), 1e-45])
    elif kind == "type":
        value.type = _type(rng)
    elif kind == "s":
        value.s = rng.choice([b"", b"relu", b"gelu", value.s * 2, rng.randbytes(9), b"x" * 70000])
    elif kind == "shape":
        _shape(rng, value.shape)
    elif kind == "list":
        _list(rng, value.list)
    elif kind == "tensor":
        _tensor(rng, value.tensor)
    elif kind == "func":
        value.func.name = rng.choice(["", "absent", value.func.name + "x"])
    return f"{key} as {kind}"


def _type(rng):
    if rng.random() < 0.2:
        return rng.randrange(0, 130)
    return rng.choice(DTYPES).as_datatype_enum


def _shape(rng, shape):
    if rng.random() < 0.1:
        shape.unknown_rank = not shape.unknown_rank
    if shape.dim and rng.random() < 0.6:
        rng.choice(shape.dim).size = integer(rng)
    elif shape.dim and rng.random() < 0.5:
        del shape.dim[rng.randrange(len(shape.dim))]
    else:
        for _ in range(rng.choice([1, 1, 3, 300])):
            shape.dim.add(size=rng.choice([1, integer(rng)]))


def _list(rng, values):
    fields = [field for field, _ in values.ListFields()] or [
        values.DESCRIPTOR.fields_by_name[rng.choice(["i", "type", "s"])]
    ]
    name = rng.choice(fields).name
    field = getattr(values, name)
    new = {"i": lambda: integer(rng), "type": lambda: _type(rng), "s": lambda: b"relu"}.get(name)
    change = rng.randrange(3)
    if change == 0 and len(field):
        del field[rng.randrange(len(field))]
    elif name == "shape" and len(field):
        _shape(rng, rng.choice(field))
    elif new is not None and change == 1 and len(field):
        field[rng.randrange(len(field))] = new()
    elif new is not None:
        field.extend([new()] * rng.choice([1, 2, 20, 300, 100_000]))


def _constant(rng, node):
    value = node.attr["value"].tensor
    if not value.ByteSize():
        return "no value"
    if rng.random() < 0.5:
        return _tensor(rng, value)
    try:
        array = tf.make_ndarray(value)
    except (TypeError, ValueError):
        return "no array"
    if array.dtype == object:
        return "text"
    array = reshaped(rng, array) if rng.random() < 0.3 else put(rng, array)
    value.CopyFrom(tf.make_tensor_proto(array))
    return "values"


def _tensor(rng, tensor):
    change = rng.randrange(4)
    if change == 0:
        tensor.dtype = _type(rng)
    elif change == 1:
        _shape(rng, tensor.tensor_shape)
    elif change == 2 and tensor.tensor_content:
        content = bytearray(tensor.tensor_content)
        _change_bytes(rng, content)
        tensor.tensor_content = bytes(content)
    else:
        tensor.int_val.extend([rng.randrange(-9, 9)] * rng.choice([1, 2, 1000]))
    return ("type", "shape", "content", "elements")[change]


def _inputs(rng, node, nodes):
    change = rng.randrange(4)
    if not node.input or change == 0:
        node.input.append(f"{rng.choice(nodes).name}:output:0")
        return "another input"
    place = rng.randrange(len(node.input))
    if change == 1:
        del node.input[place]
        return "an input less"
    if change == 2:
        other = rng.randrange(len(node.input))
        node.input[place], node.input[other] = node.input[other], node.input[place]
        return "inputs exchanged"
    node.input[place] = rng.choice([each for other in nodes for each in other.input] or [""])
    return "an input of another node's"


def _signature(rng, model):
    signatures = model.meta_graphs[0].signature_def
    signature = signatures[rng.choice(sorted(signatures))]
    infos = [*signature.inputs.values(), *signature.outputs.values()]
    if not infos:
        return "signature without tensors"
    info = rng.choice(infos)
    change = rng.randrange(3)
    if change == 0:
        info.dtype = _type(rng)
    elif change == 1:
        _shape(rng, info.tensor_shape)
    else:
        info.name = rng.choice(["", "absent:0", info.name[:-1] + "7"])
    return ("signature's type", "signature's shape", "signature's name")[change]


# What variables hold: a good checkpoint with other values, shapes and types.


def _variables(rng, folder):
    prefix = str(folder / BUNDLE)
    reader = tf.train.load_checkpoint(prefix)
    arrays = {key: reader.get_tensor(key) for key in sorted(reader.get_variable_to_shape_map())}
    ours = [key for key, array in arrays.items() if isinstance(array, np.ndarray) and array.ndim]
    if not ours:
        return "nothing"
    changed = []
    for key in rng.sample(ours, min(rng.choice([1, 1, 2, 9]), len(ours))):
        array = arrays[key]
        change = rng.choice(["values", "values", "shape", "type", "gone"])
        if change == "values":
            array = put(rng, array)
        elif change == "shape":
            array = reshaped(rng, array)
        elif change == "type":
            array = array.astype(rng.choice([np.float32, np.int8, np.int64, np.uint8]))
        else:
            del arrays[key]
        if change != "gone":
            arrays[key] = array
        changed.append(change)
    shutil.rmtree(folder / "variables")
    if arrays:
        _write(prefix, arrays)
    return "variables: " + ", ".join(changed)


def _write(prefix, arrays):
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=list(arrays),
        shape_and_slices=[""] * len(arrays),
        tensors=[tf.constant(array) for array in arrays.values()],
    )
