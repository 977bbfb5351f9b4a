"""What the conversion may know: TensorFlow graphs and the ops, no Keras, no pruning."""

import ast
from pathlib import Path

import pytest

import tfsparse.conversion

MODULES = sorted(Path(tfsparse.conversion.__file__).parent.rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports(path):
    for name in imports(path):
        assert name.split(".")[0] not in ("keras", "tf_keras"), name
        assert not name.startswith("tfsparse.pruning"), name
        assert not name.startswith("tensorflow.python") or path.stem == "private_tensorflow", name


# Modules that the tests of others run through: what they do shows in what a conversion does.
THROUGH_OTHERS = {
    "additive_masks",
    "attend",
    "attention_context",
    "attention_roles",
    "attention_scores",
    "boolean_masks",
    "capturing",
    "carriers",  # test_interaction.py
    "constants",
    "contraction",
    "control_flow",
    "dense_layer",
    "derived",
    "function_calibration",
    "exported",  # tests/ops/test_export_info.py
    "fills",
    "gate_channels",  # test_depthwise.py
    "gates",
    "importing",
    "inspecting",  # tests/cli/test_inspect.py
    "layer_error",
    "layer_tail",
    "lookups",  # test_interaction.py
    "model_graphs",
    "moments",
    "moved_elements",  # test_interaction.py
    "normalize",
    "normalize_uint8",
    "numbered_elements",  # test_interaction.py
    "observing",
    "op_interface",
    "packed",
    "precision_choice",
    "private_tensorflow",
    "products",
    "quantized_products",
    "rebuilding",
    "reference_variables",
    "reporting",
    "replace_makers",  # test_scale_channels.py and test_depthwise.py
    "request",
    "scalars",
    "slices",
    "softmax",
    "tuning",
    "uint8_regions",  # passes/test_propagate_uint8.py
    "uint8_types",  # likewise
    "weights",
    "whole_layers",
}


def test_every_module_has_its_test():
    tests = {path.stem for path in Path(__file__).parent.rglob("test_*.py")}
    plain = {path.stem for path in MODULES if path.stem != "__init__"} - THROUGH_OTHERS
    assert {f"test_{name}" for name in plain} <= tests
