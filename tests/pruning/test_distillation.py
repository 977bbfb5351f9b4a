"""Keras's own distillation takes a wrapped student as it is. It is in Keras 3 alone."""

import keras
import numpy as np
import pytest

import tfsparse

from .helpers import FEATURES, assert_masks_hold, data, dense_model, sparsities


def distiller_of(student, teacher):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses = keras.distillation.LogitsDistillation(2.0, loss=keras.losses.KLDivergence())
    distiller = keras.distillation.Distiller(teacher, student, losses)
    distiller.compile(keras.optimizers.SGD(0.1), loss)
    return distiller


def test_a_wrapped_student_is_pruned_on_the_way():
    keras.utils.set_random_seed(0)
    teacher = dense_model(keras)
    before = teacher.get_weights()
    student = tfsparse.prune_block(teacher, "2x1", 0.75)
    x, y = data()
    distiller = distiller_of(student, teacher)
    distiller.fit(x, y, epochs=4, verbose=0, callbacks=[tfsparse.UpdatePruning()])
    assert sparsities(student) == pytest.approx([0.75] * len(sparsities(student)), abs=0.05)
    assert_masks_hold(student)
    for weight, old in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    plain = tfsparse.strip_pruning(distiller.student)
    np.testing.assert_array_equal(plain(x[:4]), student(x[:4]))
    assert plain.count_params() == teacher.count_params() and x.shape[-1] == FEATURES
