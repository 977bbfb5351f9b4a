import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.conversion.source import load_source

from .helpers import normal, save, spec


def test_a_folder_is_loaded_with_its_signatures(tmp_path):
    kernel = tf.Variable(normal((3, 4)))
    save(tmp_path / "m", lambda x: {"y": x @ kernel}, {"x": spec(None, 3)}, [kernel], "score")
    for path in (tmp_path / "m", str(tmp_path / "m")):
        loaded = load_source(path)
        assert list(loaded.signatures) == ["score"]
        assert loaded.folder == str(tmp_path / "m")


@pytest.mark.parametrize("old", [False, True])
def test_anything_that_exports_a_saved_model_is_loaded(old):
    class Exporting:
        def export(self, path, **options):
            if old and options:
                raise TypeError("export() got an unexpected keyword argument 'verbose'")
            save(path, lambda x: {"y": x * 2.0}, {"x": spec(None)})

    loaded = load_source(Exporting())
    assert loaded.folder is None
    result = loaded.signatures["serving_default"](x=tf.constant([1.5]))["y"]
    np.testing.assert_array_equal(result, [3.0])


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"should be the folder of a SavedModel.*there is no"
    ):
        load_source(tmp_path)


def test_a_model_without_signatures_is_refused(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(ValueError, match="should have signatures"):
        load_source(tmp_path)


@pytest.mark.parametrize("name", ["tags", "signatures"])
@pytest.mark.parametrize("value", ["serve", [], 5, [5]])
def test_one_text_is_no_list_of_letters(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"`{name}` should be a list of texts. Received: {name}="):
        load_source(tmp_path, **{name: value})


@pytest.mark.parametrize("source", [None, 3, tf.Module(), keras.Sequential])
def test_other_things_are_refused(source):
    with pytest.raises(ValueError, match="`source` should be a Keras 3 model"):
        load_source(source)


WRONG = {
    "": ValueError,
    "gs:/bucket/model": ValueError,
    "unknown-scheme://model": ValueError,
    "/nowhere": FileNotFoundError,
    3: ValueError,
}


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_errors_name_the_argument_that_was_passed(tmp_path, wrong):
    calls = {"source": tfsparse.convert, "model": lambda x: tfsparse.export(x, tmp_path / "1")}
    for argument, call in calls.items():
        with pytest.raises(WRONG[wrong], match=f"`{argument}` should .*Received: {argument}="):
            call(wrong)
