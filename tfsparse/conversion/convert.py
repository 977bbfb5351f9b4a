"""The two entry points, `convert` and `export`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, get_args

from tfsparse.conversion.conversion import convert_graphs
from tfsparse.conversion.converted_model import ConvertedModel
from tfsparse.conversion.model_graphs import ModelGraphs
from tfsparse.conversion.packed import PackedStore
from tfsparse.conversion.planning import Options, Override
from tfsparse.conversion.ranges import CalibrationMethod
from tfsparse.conversion.rebuilding import rebuild
from tfsparse.conversion.report import ConversionReport
from tfsparse.conversion.request import Activations, Ops, Request
from tfsparse.conversion.saving import check_target
from tfsparse.conversion.source import check_source, load_source
from tfsparse.conversion.tables import TablePrecision
from tfsparse.conversion.targets import Precision, find_target
from tfsparse.data_forms import replayable
from tfsparse.ops import load as load_library


def convert(
    source: Any,
    precision: Precision | Literal["auto"] = "fp32",
    calibration_data: Any = None,
    *,
    overrides: Mapping[str, Override] | None = None,
    batch_size: int = 32,
    activations: Activations = "calibrated",
    calibration_method: CalibrationMethod = "minmax",
    calibration_batches: int | None = None,
    max_error: float = 0.01,
    target: str | None = None,
    tune: bool = False,
    ops: Ops = "tfsparse",
    embeddings: TablePrecision | None = None,
    signatures: Iterable[str] | None = None,
    tags: Sequence[str] | None = None,
) -> ConvertedModel:
    """Converts a model's dense layers and convolutions to block-sparse ops, where that is faster.

    In every signature, and in every function that is called as an attribute (Keras's ``serve``),
    each product by a constant matrix and each convolution by a constant kernel, with its padding,
    bias, BatchNorm, residual and activation, is replaced by one op over packed weights if the cost
    model predicts a gain. The block shape is chosen from the zeros that are in the weights; nothing
    is pruned here. All else of the model stays what it is: tables of embeddings, lookup tables,
    counters, random numbers, loops and branches. Packed weights are variables of the new model,
    shared by all that read them, and constants where they are small and one function reads them.
    Dense weights that nothing reads any more are gone.

    In INT8, weights are quantized per output channel and activations per tensor, and neighbouring
    layers pass uint8 to each other. In bfloat16, weights and the activations that meet them are
    rounded to eight bits of precision, and sums are float32. Layers without zeros are
    converted too where the precision pays. Layers that compute in half precision compute in the
    precision asked for, and give half precision again.

    Args:
        source: A Keras 3 model, a tf_keras model (pruned and still wrapped, or not), or
            the path of a SavedModel.
        precision: ``"fp32"``, ``"bf16"``, ``"int8"``, or ``"auto"``: for each layer the fastest
            whose error on the calibration data is at most `max_error`.
        calibration_data: For INT8 and ``"auto"``: examples of the model's inputs, in any form that
            ``fit`` takes: an array, a list of inputs or a dict of them by name, ``(x, y)``, whose
            y is ignored, a `tf.data.Dataset`, an iterable of batches. A few hundred are enough.
            With several signatures that take different inputs, a dict of signature to one of
            these.
        overrides: Layer name, as in the report (``"encoder/dense"``) or its last part
            (``"dense"``), to ``"skip"``, ``"convert"`` (even where
            a loss is predicted) or a block shape such as ``"16x4"``.
        batch_size: Examples per call that the cost model expects where the model leaves
            the batch size open.
        activations: ``"calibrated"``, or ``"dynamic"``: INT8 layers measure the range of their
            activations in each call, and no data are needed.
        calibration_method: ``"minmax"``, ``"percentile"`` (99.99) or ``"mse"``: how a range is
            made of the values that a layer sees.
        calibration_batches: The most batches that are read of `calibration_data`; by default
            all of an array, and 100 of what may have no end.
        max_error: For ``"auto"``: the error that a precision may add to a layer's result,
            relative to it.
        target: The processor that will serve: ``"zen4"``, ``"zen5"``, ``"sapphirerapids"``,
            ``"icelake"``, ``"cascadelake"``, ``"alderlake"``, ``"skylake-avx512"``, or
            ``"avx2"`` for any other without VNNI. By default what the environment variable
            TFSPARSE_TARGET names, or this machine's kind.
        tune: Whether to time the candidates of each layer on this machine and take the fastest.
        ops: ``"tfsparse"``, or ``"tensorflow"``: the same layers are written as dense products in
            TensorFlow's own ops, for a server that cannot load our library. Weights keep their
            zeros, and weights and activations the rounding of the precision, all of it in
            float32: the numbers are those of ``"tfsparse"`` within float32's rounding, and the
            speed is that of a dense model. A layer in fp32 stays what it is, unless something
            was folded into it.
        embeddings: ``"int8"``, with a scale for each row, or ``"bf16"``: what the embedding tables
            of a dot interaction become, as in DLRM. By default they stay what they are; all other
            tables do in any case. None with ``ops="tensorflow"``.
        signatures: Keys of the signatures to keep; all by default.
        tags: Tags of the graph to load where a SavedModel holds several.

    Returns:
        A `ConvertedModel`: callable, with `report`, `signatures`, `endpoints` and `save`.

    Warns:
        UserWarning: If the schedules of a pruned model never ran or have not ended.

    Raises:
        ValueError: If an argument is not as above, or calibration data is missing or does
            not fit.
        FileNotFoundError: If there is no SavedModel at the path.
        ImportError: If the op library is missing, or is for another TensorFlow.

    Example:

    >>> import keras, numpy as np, tfsparse
    >>> layers = [keras.layers.Input((256,)), keras.layers.Dense(512, "relu", name="hidden")]
    >>> model = keras.Sequential(layers)
    >>> x = np.random.default_rng(0).random((100, 256), np.float32)
    >>> converted = tfsparse.convert(model, precision="int8", calibration_data=x)
    >>> converted.report["hidden"].reason
    'predicted faster'
    >>> converted(x)["output_0"].shape
    TensorShape([100, 512])
    """
    _check_precision(precision, calibration_data, activations)
    _check_numbers(batch_size, calibration_batches, max_error)
    _check_choice("ops", ops, get_args(Ops))
    if embeddings is not None:
        _check_choice("embeddings", embeddings, get_args(TablePrecision))
        if ops == "tensorflow":
            raise ValueError(
                "`embeddings` should be None with ops='tensorflow': tables in fewer bits are read "
                f"by our op alone. Received: embeddings={embeddings!r}"
            )
    if not isinstance(overrides, Mapping | None):
        raise ValueError(
            "`overrides` should be a dict of layer name to 'skip', 'convert' or a block shape. "
            f"Received: overrides={overrides!r}"
        )
    _check_choice("calibration_method", calibration_method, get_args(CalibrationMethod))
    options = Options(
        precision="fp32" if precision == "auto" else precision,
        batch_size=int(batch_size),
        overrides=dict(overrides or {}),
        target=find_target(target),
        tune=tune,
    )
    request = Request(
        auto=precision == "auto",
        max_error=max_error,
        activations=activations,
        data=replayable(calibration_data),
        method=calibration_method,
        batches=None if calibration_batches is None else int(calibration_batches),
        ops=ops,
        embeddings=embeddings,
    )
    load_library()
    loaded = load_source(source, tags, signatures)
    graphs = ModelGraphs(loaded)
    store = PackedStore()
    report = convert_graphs(graphs, options, request, store)
    return rebuild(loaded, graphs, store, report, options.target.name)


def export(
    model: Any,
    path: str | os.PathLike[str],
    precision: Precision | Literal["auto"] = "fp32",
    calibration_data: Any = None,
    *,
    overwrite: bool = False,
    **options: Any,
) -> ConversionReport:
    """Converts a model and writes it as a SavedModel: `convert`, then `save`.

    Args:
        model: See `source` of `convert`.
        path: Folder to write, such as ``"served/1"`` or ``"gs://bucket/served/1"``. It is written
            whole or not at all.
        precision: See `convert`.
        calibration_data: See `convert`.
        overwrite: Whether a SavedModel that is there may be replaced.
        **options: The other arguments of `convert`.

    Returns:
        The report of the conversion.

    Raises:
        FileExistsError: If `path` exists and may not be replaced.
        FileNotFoundError: See `convert`.
        ImportError: See `convert`.
        TypeError: If an option is not one of `convert`.
        ValueError: See `convert`.

    Example:

    >>> import keras, pathlib, tempfile, tfsparse
    >>> layers = [keras.layers.Input((8,)), keras.layers.Dense(4, name="out")]
    >>> folder = pathlib.Path(tempfile.mkdtemp(), "1")
    >>> report = tfsparse.export(keras.Sequential(layers), folder, overrides={"out": "4x1"})
    >>> report["out"].block, (folder / "saved_model.pb").exists()
    ('4x1', True)
    """
    check_target(path, overwrite)
    check_source(model, "model")
    converted = convert(model, precision, calibration_data, **options)
    converted.save(path, overwrite)
    return converted.report


def _check_precision(precision: str, data: Any, activations: str) -> None:
    _check_choice("precision", precision, (*get_args(Precision), "auto"))
    _check_choice("activations", activations, get_args(Activations))
    needed = precision == "auto" or (precision == "int8" and activations == "calibrated")
    if needed and data is None:
        raise ValueError(
            f"`calibration_data` should be given for precision={precision!r}: the ranges of "
            "activations are read from it. Received: calibration_data=None"
        )


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        wanted = " or ".join(filter(None, [", ".join(map(repr, choices[:-1])), repr(choices[-1])]))
        raise ValueError(f"`{name}` should be {wanted}. Received: {name}={value!r}")


def _check_numbers(batch_size: int, batches: int | None, max_error: float) -> None:
    for name, value in {"batch_size": batch_size, "calibration_batches": batches}.items():
        if name == "calibration_batches" and value is None:
            continue
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"`{name}` should be a positive integer. Received: {name}={value!r}")
    if not isinstance(max_error, Real) or not max_error >= 0:
        raise ValueError(
            f"`max_error` should be a number of at least 0. Received: max_error={max_error!r}"
        )
