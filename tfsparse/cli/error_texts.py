"""What errors of TensorFlow and of the linker mean where our ops are concerned, and what to do."""

from __future__ import annotations

import re

from tfsparse.cli.findings import Finding
from tfsparse.ops.library_info import LibraryInfo

_LOAD_FIRST = (
    "Python: `import tfsparse` before tf.saved_model.load, or tfsparse.load(path). "
    "C: TF_LoadLibrary before TF_LoadSessionFromSavedModel. "
    "TensorFlow Serving: build it with our ops (docs/tensorflow-serving.md), or "
    'export(..., ops="tensorflow")'
)


def explain(text: str, library: LibraryInfo | None) -> Finding:
    """What an error means.

    Args:
        text: What a program has printed.
        library: What the op library says, or None where it cannot be loaded.
    """
    shown = text.strip().splitlines()[0][:120] if text.strip() else "nothing"
    op = re.search(r"Op type not registered '(Tfsparse>\w+)'", text)
    if op:
        problem = f"the program had not loaded the op library before the model, which has {op[1]}"
        return Finding("error", shown, problem, _LOAD_FIRST, fatal=False)
    other = re.search(r"Op type not registered '([^']+)'", text)
    if other:
        problem = f"{other[1]} is no op of tfsparse: the model needs another library too"
        return Finding("error", shown, problem, "import the package that the op belongs to")
    if "undefined symbol" in text:
        built = library.tensorflow if library else "another version"
        problem = (
            "the op library and TensorFlow in that program are of different minor versions; this "
            f"library was built for {built}"
        )
        return Finding("error", shown, problem, "copy the library of a wheel that serves it")
    if "libtensorflow_framework" in text and "cannot open shared object" in text:
        problem = "the op library was loaded by a program that had not loaded TensorFlow"
        return Finding("error", shown, problem, "load it by TF_LoadLibrary, not by dlopen alone")
    if re.search(r"NodeDef mentions attr .*Tfsparse>", text, re.S):
        problem = "the model was exported for newer ops than those of the library that loads it"
        return Finding("error", shown, problem, "install the tfsparse that exported the model")
    return Finding("error", shown, "this error is not one of those that the doctor knows")
