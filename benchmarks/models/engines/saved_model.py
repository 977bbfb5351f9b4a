"""TensorFlow from Python: loads a SavedModel and calls its signature."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

VERSION = tf.__version__


def load(folder: Path, x: dict[str, np.ndarray], threads: int) -> Callable[[], Any]:
    """See the package; `folder` is a SavedModel."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    inputs = {name: tf.constant(array) for name, array in x.items()}
    return lambda: signature(**inputs)
