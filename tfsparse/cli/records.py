"""Reads calibration data of a TFRecord file: one `tf.train.Example` an example.

A feature has the name of an input. Its values are the example's, row-major: floats, integers,
texts, or one tensor as `tf.io.serialize_tensor` writes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfsparse.cli.command import CommandError
from tfsparse.cli.exit_codes import REFUSED

if TYPE_CHECKING:
    from tfsparse.serving.signature import Spec

SUFFIXES = (".tfrecord", ".tfrecords", ".tfrecord.gz", ".tfrecords.gz")


def is_records(path: str) -> bool:
    """Whether a path is that of a TFRecord file."""
    return path.endswith(SUFFIXES)


def read_records(path: str, specs: Mapping[str, Spec], most: int) -> dict[str, np.ndarray]:
    """Reads examples.

    Args:
        path: The file, where ``.gz`` means that it is compressed.
        specs: The inputs that the examples are for.
        most: How many to read at most.

    Returns:
        Name of each input to its examples, of shape ``(examples, ...)``.

    Raises:
        CommandError: If the file cannot be read, or does not have the inputs' examples.
    """
    compression = "GZIP" if path.endswith(".gz") else ""
    columns: dict[str, list[Any]] = {name: [] for name in specs}
    try:
        for number, record in enumerate(
            tf.data.TFRecordDataset(path, compression).take(most).as_numpy_iterator()
        ):
            features = tf.train.Example.FromString(record).features.feature
            for name, spec in specs.items():
                columns[name].append(_value(path, number, features, name, spec))
        return {name: np.stack(values) for name, values in columns.items()}
    except CommandError:
        raise
    except Exception as error:  # of tf.errors, of protocol buffers, of NumPy
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CommandError(
            "--calibration should be a TFRecord file of tf.train.Example, with examples of one "
            f"shape. Received: {path}, of which TensorFlow says: {reason}",
            REFUSED,
        ) from error


def _value(path: str, number: int, features: Any, name: str, spec: Spec) -> np.ndarray:
    if name not in features:
        raise CommandError(
            f"--calibration should have a feature for the input {name!r} in each example. "
            f"Received: {path}, where example {number} has {sorted(features)}",
            REFUSED,
        )
    feature = features[name]
    values: Any = getattr(feature, feature.WhichOneof("kind") or "float_list").value
    if feature.WhichOneof("kind") == "bytes_list" and spec.dtype != object:
        array = tf.io.parse_tensor(values[0], tf.as_dtype(spec.enum)).numpy()
    elif spec.dtype == object:
        array = np.array([*values, None], object)[:-1]
    else:
        array = _numbers(path, number, name, values, spec)
    return np.asarray(array.reshape(_shape(path, number, array.size, spec)))


def _numbers(path: str, number: int, name: str, values: Any, spec: Spec) -> np.ndarray:
    """Numbers in the type of the input, where integers and truth values have to stay what they are.

    Floats are refused even where they are whole: those of the next example may not be.
    """
    given = np.asarray(values)
    if spec.dtype.kind in "iub" and given.size:
        kept = given.astype(spec.dtype, copy=False)
        if given.dtype.kind == "f" or not np.array_equal(kept, given):
            kind = "floats" if given.dtype.kind == "f" else "integers that it does not hold"
            raise CommandError(
                f"--calibration should have integers of {spec.dtype} for the input {name!r}. "
                f"Received: {path}, where example {number} has {kind}, such as {given.flat[0]}",
                REFUSED,
            )
    return np.asarray(values, spec.dtype)


def _shape(path: str, number: int, size: int, spec: Spec) -> tuple[int, ...]:
    """The shape of an example: that of the input, whose one open axis is what is left."""
    if spec.shape is None:
        return (size,)
    sizes = spec.shape[1:]
    known = math.prod(each for each in sizes if each is not None)
    fits = size == known if None not in sizes else known > 0 and size % known == 0
    if not fits or sizes.count(None) > 1:
        raise CommandError(
            f"--calibration should have values of shape {sizes} for the input {spec.name!r}. "
            f"Received: {path}, where example {number} has {size} values",
            REFUSED,
        )
    return tuple(size // known if each is None else each for each in sizes)
