"""Which module of the pruning package may import which."""

import ast
import pathlib
import subprocess
import sys

import pytest

import tfsparse.pruning
from tests import processes

FOLDER = pathlib.Path(tfsparse.pruning.__file__).parent
BINDINGS = {"keras3.py": "keras", "tf_keras.py": "tf_keras"}
FILES = sorted(FOLDER.rglob("*.py"))


def imports(path):
    """Names of the modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} should import by full names"
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_keras_is_imported_by_the_bindings_alone(path):
    roots = {name.partition(".")[0] for name in imports(path)}
    expected = {BINDINGS[path.name]} if path.name in BINDINGS else set()
    assert roots & {"keras", "tf_keras", "tensorflow_model_optimization"} == expected
    attributes = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert "tf.keras" not in attributes
    assert "os.environ" not in attributes


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_other_wings_are_not_imported(path):
    own = {name for name in imports(path) if name.startswith("tfsparse")}
    shared = {"tfsparse.pattern", "tfsparse.data_forms", "tfsparse.progress"}
    assert all(name in shared or name.startswith("tfsparse.pruning.") for name in own)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_assertions_in_library_code(path):
    nodes = list(ast.walk(ast.parse(path.read_text())))
    assert not any(isinstance(node, ast.Assert) for node in nodes)
    assert "pytest" not in imports(path)


def run(script):
    """Output of a script in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=FOLDER.parents[1]
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.long
def test_importing_loads_no_keras_beyond_what_tensorflow_loads():
    loaded = "print([name for name in ('keras', 'tf_keras') if name in sys.modules])"
    before = run(f"import sys, tensorflow; {loaded}")
    assert run(f"import sys, tfsparse.pruning; {loaded}") == before


def forked(script):
    """The same, where it does not matter that Keras has been imported before."""
    done = processes.run_code(script)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_a_saved_model_loads_in_a_new_process_without_custom_objects(name, tmp_path):
    path = str(tmp_path / "model.keras")
    make = (
        f"import {name} as keras, tfsparse; keras.utils.set_random_seed(0);"
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, name='mine')]);"
        f"tfsparse.prune_block(model, '4x1', 0.5).save({path!r})"
    )
    forked(make)
    load = (
        f"import {name} as keras, tfsparse; model = keras.models.load_model({path!r});"
        "print(model.layers[-1].pattern, model.layers[-1].schedule.target)"
    )
    assert forked(load).endswith("4x1 0.5")


@pytest.mark.long
def test_both_versions_work_whatever_tf_keras_is():
    script = """
import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import tfsparse, keras, tf_keras
for version in (keras, tf_keras):
    model = version.Sequential([version.Input((4,)), version.layers.Dense(8)])
    print(type(tfsparse.prune_block(model).layers[-1]).__module__)
"""
    assert run(script).split()[-2:] == ["tfsparse.pruning.keras3", "tfsparse.pruning.tf_keras"]
