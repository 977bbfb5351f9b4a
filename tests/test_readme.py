"""The examples of the README and of the pages that belong to it are run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import tfsparse

ROOT = Path(__file__).resolve().parent.parent


# What a reader of the recipes has before each of them.
BEFORE_A_RECIPE = """
import keras
import numpy as np
import tensorflow as tf
import tfsparse

x, y = np.random.default_rng(0).random((64, 64), "float32"), np.arange(64) % 10
dense_model = keras.Sequential([
    keras.layers.Input((64,)),
    keras.layers.Dense(64, activation="relu", name="hidden_1"),
    keras.layers.Dense(10, name="digit"),
])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
dense_model.compile("adam", loss, metrics=["accuracy"])
model = tfsparse.prune_block(dense_model, "4x1", 0.9)
optimizer = keras.optimizers.Adam()
model.compile(optimizer, loss, metrics=["accuracy"])
pruned = tfsparse.prune_block(dense_model, "4x1", tfsparse.OneShot(0.5))

@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        value = loss(y, model(x, training=True))
    variables = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(value, variables), variables))
"""


def python_blocks(text):
    """The Python examples of a page, or of a section of one."""
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_tables_have_every_public_name():
    text = (ROOT / "docs/api.md").read_text()
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", text))))
    assert set(tfsparse.__all__) <= named


def test_every_recipe_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipes = python_blocks((ROOT / "docs/recipes.md").read_text())
    assert len(recipes) == 11
    for recipe in recipes:
        names = {"__name__": "recipe"}
        exec(BEFORE_A_RECIPE, names)
        exec(recipe, names)


def test_the_twenty_lines_run(tmp_path):
    text = (ROOT / "README.md").read_text()
    example = python_blocks(text.partition("\n## Twenty lines\n")[2].partition("\n## ")[0])[0]
    assert len(example.splitlines()) <= 25 and "epochs=20" in example
    example = example.replace("epochs=20", "epochs=4")  # what it does is the same
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "3 of 3 products converted" in done.stdout
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()


def test_every_file_that_is_linked_exists():
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert links and all((ROOT / link).exists() for link in links)
