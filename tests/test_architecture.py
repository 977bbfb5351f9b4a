"""The rules that a reader relies on, checked on the sources.

Imports run one way: training, conversion and the ops meet in `tfsparse.pattern`, training and
conversion in two small helpers beside it; conversion and serving may use the ops, and the command
line all of them. Keras is imported by the two bindings alone, private TensorFlow by one module of
conversion, TensorFlow's C++ headers by `tf_ops`.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sorted((ROOT / "tfsparse").rglob("*.py"))
CXX = sorted(path for path in (ROOT / "custom_ops").rglob("*") if path.suffix in {".h", ".cc"})

# Package: what of tfsparse it may import.
PACKAGES = {
    "pattern": set(),
    "data_forms": set(),
    "progress": set(),
    "tensorflow_versions": set(),
    "ops": {"ops", "pattern", "tensorflow_versions"},
    "pruning": {"pruning", "pattern", "data_forms", "progress"},
    "conversion": {"conversion", "ops", "pattern", "data_forms", "progress"},
    "serving": {"serving", "ops"},
    "index": {"conversion", "ops", "pattern", "pruning", "serving"},
    "cli": {
        "cli",
        "conversion",
        "index",
        "ops",
        "pattern",
        "progress",
        "pruning",
        "serving",
        "tensorflow_versions",
    },
    "__main__": {"cli"},
}
KERAS_BINDINGS = {"tfsparse/pruning/keras3.py", "tfsparse/pruning/tf_keras.py"}
PRIVATE_TENSORFLOW = ("tensorflow.python", "tensorflow.core", "tensorflow.compiler")

# Layer of custom_ops: the layers whose headers it may include.
LAYERS = {
    "base": {"base"},
    "format": {"base", "format"},
    "kernels": {"base", "format", "kernels"},
    "engine": {"base", "engine", "format", "kernels"},
    "calibration": {"base", "calibration", "engine", "kernels"},
    "conv": {"base", "conv", "engine", "format", "kernels"},
    "attention": {"attention", "base", "engine", "kernels"},
    "norm": {"base", "engine", "kernels", "norm"},
    "interaction": {"base", "engine", "interaction", "kernels"},
    "fuzz": {
        "attention",
        "base",
        "calibration",
        "conv",
        "engine",
        "format",
        "fuzz",
        "interaction",
        "kernels",
        "norm",
    },
    "tf_ops": {
        "attention",
        "base",
        "calibration",
        "conv",
        "engine",
        "format",
        "interaction",
        "kernels",
        "norm",
        "tf_ops",
    },
}
# Where files for one instruction set are.
KERNELS = (
    *("custom_ops/attention/", "custom_ops/conv/depthwise_", "custom_ops/interaction/"),
    *("custom_ops/kernels/", "custom_ops/norm/"),
)
# Nothing in these has code that the linker could share with portable files.
ISA_HEADERS = {"cstddef", "cstdint", "cstring", "immintrin.h"}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def attribute_chain(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def imported_modules(source):
    """Every module a source names: import statements, import_module("..."), tf.a.b."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # We write no relative imports; they count as the index, which no package uses.
            package = "tfsparse" if node.level else node.module
            modules |= {f"{package}.{alias.name}" for alias in node.names}
            modules |= set() if package == "tfsparse" and not node.level else {package}
        elif isinstance(node, ast.Attribute) and attribute_chain(node)[:1] == ["tf"]:
            modules.add(".".join(["tensorflow", *attribute_chain(node)[1:]]))
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            modules |= {str(a.value) for a in arguments if isinstance(a, ast.Constant)}
    return modules


def belongs_to(module, package):
    return module == package or module.startswith(package + ".")


def wrong_packages(package, source):
    """What is imported of tfsparse and may not be; "tfsparse" for the index itself."""
    modules = {m for m in imported_modules(source) if belongs_to(m, "tfsparse")}
    return {m.split(".")[1] if "." in m else m for m in modules} - PACKAGES[package]


def imports_keras(source):
    packages = ("keras", "tf_keras", "tensorflow.keras")
    return any(belongs_to(m, package) for m in imported_modules(source) for package in packages)


def imports_private_tensorflow(source):
    return any(belongs_to(m, p) for m in imported_modules(source) for p in PRIVATE_TENSORFLOW)


def includes(source):
    return set(re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', source, re.MULTILINE))


def wrong_layers(layer, source):
    ours = [i.split("/")[1] for i in includes(source) if i.startswith("custom_ops/")]
    return set(ours) - LAYERS[layer]


def definitions_that_are_shared(source):
    """Functions that are defined outside of an anonymous namespace, and so that any file may keep.

    Constants are none.
    """
    local = re.split(r"^namespace \{$", source, flags=re.MULTILINE)[0]
    return re.findall(r"^(?:template|(?:inline |constexpr )+[^=;]*\().*$", local, re.MULTILINE)


def package_modules():
    return [path for path in PYTHON if path != ROOT / "tfsparse" / "__init__.py"]


@pytest.mark.parametrize("path", package_modules(), ids=name_of)
def test_packages_meet_only_where_they_may(path):
    relative = path.relative_to(ROOT / "tfsparse")
    assert not wrong_packages(relative.with_suffix("").parts[0], path.read_text())


def test_only_the_bindings_import_keras():
    assert {name_of(path) for path in PYTHON if imports_keras(path.read_text())} <= KERAS_BINDINGS


def test_one_module_of_conversion_imports_private_tensorflow():
    private = [name_of(path) for path in PYTHON if imports_private_tensorflow(path.read_text())]
    assert len(private) <= 1
    assert all(name.startswith("tfsparse/conversion/") for name in private)


def test_pattern_imports_numpy_and_the_standard_library_alone():
    modules = imported_modules((ROOT / "tfsparse/pattern.py").read_text())
    assert not [m for m in modules if m.split(".")[0] in {"tensorflow", "scipy", "tfsparse"}]


@pytest.mark.parametrize("path", CXX, ids=name_of)
def test_cxx_layers(path):
    layer = path.relative_to(ROOT / "custom_ops").parts[0]
    source = path.read_text()
    assert not wrong_layers(layer, source)
    if layer != "tf_ops":
        assert not [i for i in includes(source) if re.match("tensorflow|absl|tsl|xla|Eigen", i)]


def included_headers(path):
    """All headers that a file includes, and those that ours include in turn."""
    seen, left = set(), [path]
    while left:
        new = includes(left.pop().read_text()) - seen
        seen |= new
        left += [ROOT / header for header in new if header.startswith("custom_ops/")]
    return seen


@pytest.mark.parametrize(
    "path",
    [path for path in CXX if re.search(r"(avx|amx)(?!_tiles|.*_test\.)", path.name)],
    ids=name_of,
)
def test_files_of_an_instruction_set_include_nothing_shared(path):
    headers = included_headers(path)
    ours = {i for i in headers if i.startswith(KERNELS)}
    ours.add("custom_ops/format/panel.h")
    assert headers - ours <= ISA_HEADERS
    for header in headers - ISA_HEADERS:
        assert not definitions_that_are_shared((ROOT / header).read_text()), header


@pytest.mark.parametrize("path", [*PYTHON, *CXX], ids=name_of)
def test_files_can_be_read_in_one_go(path):
    assert len(path.read_text().splitlines()) <= 400


# The detectors themselves: each must see what it is there to see.


@pytest.mark.parametrize(
    ("package", "source", "wrong"),
    [
        ("pruning", "from tfsparse.ops import load", {"ops"}),
        ("ops", "import tfsparse.conversion.report", {"conversion"}),
        ("conversion", "from tfsparse import pruning", {"pruning"}),
        ("conversion", "from tfsparse.ops import load", set()),
        ("ops", "from tfsparse.pattern import BlockPattern", set()),
        ("ops", "def f():\n    import tfsparse", {"tfsparse"}),
        ("ops", "from . import library", {"tfsparse", "library"}),
        ("ops", '"""Example:\n\nimport tfsparse\n"""', set()),
        ("pattern", "from tfsparse.ops import load", {"ops"}),
        ("conversion", 'importlib.import_module("tfsparse.pruning.keras3")', {"pruning"}),
    ],
)
def test_detects_a_wrong_package(package, source, wrong):
    assert wrong_packages(package, source) == wrong


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import keras", True),
        ("from tf_keras import layers", True),
        ("from tensorflow import keras", True),
        ("y = tf.keras.layers.Dense(1)", True),
        ('importlib.import_module("tf_keras.layers")', True),
        ("import keras_tuner", False),
        ("from tfsparse.pruning import keras3", False),
    ],
)
def test_detects_keras(source, found):
    assert imports_keras(source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from tensorflow.python.framework import ops", True),
        ("from tensorflow.core.framework import graph_pb2", True),
        ("def f():\n    import tensorflow.python as p", True),
        ("y = tf.python.eager", True),
        ("y = tf.compat.v1.GraphDef()", False),
    ],
)
def test_detects_private_tensorflow(source, found):
    assert imports_private_tensorflow(source) == found


def test_detects_a_definition_that_is_shared():
    function = "inline int F() { return 1; }\n"
    assert definitions_that_are_shared(function)
    assert definitions_that_are_shared("template <class T>\nT F() { return 1; }\n")
    assert definitions_that_are_shared("constexpr int F() { return 1; }\n")
    assert not definitions_that_are_shared("namespace {\n" + function + "}\n")
    assert not definitions_that_are_shared("inline constexpr int kLanes = 16;\n")


def test_detects_a_wrong_layer():
    assert wrong_layers("base", '#include "custom_ops/kernels/quantize.h"\n') == {"kernels"}
    assert wrong_layers("tf_ops", '#include "custom_ops/engine/sparse_layer.h"\n') == set()
