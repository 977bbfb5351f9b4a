"""Whether a model runs here, by what it says of itself. It is not loaded."""

from __future__ import annotations

from collections.abc import Iterator

from tfsparse.cli.findings import Finding
from tfsparse.ops.export_info import ExportInfo, read_export_info
from tfsparse.ops.library_info import LibraryInfo


def examine_model(path: str, library: LibraryInfo | None) -> list[Finding]:
    """What can be said of a SavedModel.

    Args:
        path: Its folder.
        library: What the op library says, or None where it cannot be loaded.

    Raises:
        ValueError: If there is none, or it says what cannot be read.
    """
    import tensorflow as tf

    from tfsparse.ops.location import location

    folder = location(path)
    if not tf.io.gfile.exists(f"{folder}/saved_model.pb"):
        raise ValueError(
            "MODEL should be the folder of a SavedModel. "
            f"Received: {path}, where there is no saved_model.pb"
        )
    info = read_export_info(folder)
    if info is None:
        return [Finding("model", f"{path}: not exported by tfsparse, so it needs no op library")]
    return list(_examine(path, info, library))


def _examine(path: str, info: ExportInfo, library: LibraryInfo | None) -> Iterator[Finding]:
    layers = ", ".join(f"{count} layers in {name}" for name, count in info.converted.items())
    made = f"{path}: {layers or 'no layer converted'}, by TensorFlow {info.tensorflow}"
    if info.op_library is None:
        yield Finding("model", f"{made}; it needs no op library")
        return
    needs = f"{made}; it needs ops of version {info.op_library}"
    if library is None:
        yield Finding("model", needs, "the op library cannot be loaded, as said above", fatal=True)
    elif library.runs(info.op_library):
        yield Finding("model", needs)
    else:
        problem = f"this op library has ops of version {library.oldest} to {library.version}"
        fix = "export it again, or install the tfsparse that exported it"
        yield Finding("model", needs, problem, fix, fatal=True)
    if info.target is not None:
        yield Finding("decided for", f"{info.target}: which layers are converted, and how")
