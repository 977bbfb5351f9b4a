"""Of the variables that Keras writes twice, those that no function reads are not loaded."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.unread_variables import load_without_unread_variables

from .helpers import normal


class Model(tf.Module):
    """A model with a list like that of Keras's export."""

    def __init__(self, listed, kernel):
        super().__init__()
        self._all_variables = listed
        self._kernel = kernel

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    def serve(self, x):
        return {"y": x @ self._kernel}


def saved(tmp_path, listed, kernel):
    model = Model(listed, kernel)
    tf.saved_model.save(model, str(tmp_path), signatures={"serving_default": model.serve})
    return str(tmp_path)


def is_variable(each):
    return hasattr(each, "handle")


def test_a_model_of_keras_has_each_variable_once(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dense(4)(inputs)))
    model.export(str(tmp_path), verbose=False)
    twice = tf.saved_model.load(str(tmp_path))
    assert all(map(is_variable, twice._all_variables))
    loaded = load_without_unread_variables(str(tmp_path), None)
    assert len(loaded._all_variables) == 4
    assert not any(map(is_variable, loaded._all_variables))
    x = normal((5, 3))
    for each in (loaded, twice):
        given = next(iter(each.signatures["serving_default"](tf.constant(x)).values()))
        np.testing.assert_allclose(given, model(x), rtol=1e-5, atol=1e-6)
    for restored, variable in zip(loaded.variables, model.variables, strict=True):
        np.testing.assert_array_equal(restored, variable)


def test_what_is_left_out_is_not_warned_of(tmp_path, monkeypatch):
    """TensorFlow warns of values in a file that nothing takes, once what loaded them is gone."""
    said = []
    monkeypatch.setattr(tf.get_logger(), "handle", said.append)
    kernel = tf.Variable(normal((3, 2)))
    loaded = load_without_unread_variables(saved(tmp_path, [tf.Variable(1.0)], kernel), None)
    assert not is_variable(loaded._all_variables[0])
    del loaded
    gc.collect()
    assert [record.getMessage() for record in said] == []


def test_a_value_that_the_file_lacks_is_an_error_where_it_is_read(tmp_path):
    kernel = tf.Variable(normal((3, 2)))
    folder = saved(tmp_path, [tf.Variable(1.0)], kernel)
    partial = tf.train.Checkpoint(_all_variables=[tf.Variable(1.0)])
    partial.write(f"{folder}/variables/variables")
    loaded = load_without_unread_variables(folder, None)
    with pytest.raises(tf.errors.OpError):
        loaded.signatures["serving_default"](x=tf.constant(normal((5, 3))))


def test_a_listed_variable_that_something_refers_to_is_loaded(tmp_path):
    kernel, other = tf.Variable(normal((3, 2))), tf.Variable(1.0)
    loaded = load_without_unread_variables(saved(tmp_path, [kernel, other], kernel), None)
    assert [is_variable(each) for each in loaded._all_variables] == [True, False]
    np.testing.assert_array_equal(loaded._all_variables[0], kernel)


@pytest.mark.parametrize("tags", [None, ["serve"]])
def test_tags_are_those_of_the_file(tmp_path, tags):
    kernel = tf.Variable(normal((3, 2)))
    folder = saved(tmp_path, [tf.Variable(1.0)], kernel)
    assert not is_variable(load_without_unread_variables(folder, tags)._all_variables[0])
    with pytest.raises((RuntimeError, ValueError), match="tags"):
        load_without_unread_variables(folder, ["train"])


def test_a_model_without_the_list_is_loaded_whole(tmp_path):
    module = tf.Module()
    module.unread = tf.Variable(2.0)
    tf.saved_model.save(module, str(tmp_path))
    assert is_variable(load_without_unread_variables(str(tmp_path), None).unread)


def test_a_broken_file_is_refused_as_tensorflow_does(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x0a\xff\xff")
    with pytest.raises(OSError):
        load_without_unread_variables(str(tmp_path), None)
