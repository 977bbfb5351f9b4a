"""Models of two text files, for tests of how a model is written and not of what is in it."""

from pathlib import Path

import tensorflow as tf

SECOND_FILE = "variables/variables.index"


def writer(text):
    """Writes a model of two files, so that a mixture of two models would be seen."""

    def write(folder):
        for name in (SECOND_FILE, "saved_model.pb"):
            tf.io.gfile.makedirs(str(Path(folder, name).parent).replace(":/", "://"))
            with tf.io.gfile.GFile(f"{folder}/{name}", "w") as file:
                file.write(text)

    return write


def whole(target):
    """The text of a model, which is the same in both of its files."""
    texts = [(target / name).read_text() for name in (SECOND_FILE, "saved_model.pb")]
    assert texts[0] == texts[1]
    return texts[0]


def names(folder):
    return sorted(path.name for path in folder.iterdir())
