import keras
import numpy as np
import pytest
from support import bert, cifar_models
from support.scores import relative_loss, scores
from support.training import Taught, copied, decaying, with_features, with_outputs

LOGITS = np.array([[0.0, 2.0], [1.0, -1.0]], np.float32)


def test_without_a_teacher_the_loss_is_cross_entropy():
    expected = np.log1p(np.exp([-2.0, -2.0])).mean()
    assert float(Taught()(np.array([1, 0]), LOGITS)) == pytest.approx(expected, rel=1e-5)


def test_the_teachers_part_is_smallest_where_the_model_agrees_with_it():
    teacher = np.array([[0.3, 1.2]], np.float32)
    labels = with_outputs(np.array([1]), teacher)

    def part(logits):
        with_teacher = Taught(logits=1.0, temperature=2.0)
        return float(with_teacher(labels, logits)) - float(Taught()(labels, logits))

    probabilities = np.exp(teacher / 2) / np.exp(teacher / 2).sum()
    entropy = -(probabilities * np.log(probabilities)).sum()
    assert part(teacher) == pytest.approx(4 * entropy, rel=1e-4)
    step = np.array([0.0, 0.5], np.float32)
    assert part(teacher + step) > part(teacher) < part(teacher - step)


def test_features_are_compared_after_the_logits():
    outputs = np.array([[0.3, 1.2, 5.0, 6.0, 7.0]], np.float32)
    labels = with_outputs(np.array([1]), outputs)
    other = outputs + np.array([0, 0, 1, 2, 0], np.float32)
    loss = Taught(features=3.0)
    assert float(loss(labels, other) - loss(labels, outputs)) == pytest.approx(3 * 5 / 3, rel=1e-5)


def test_a_classifier_gives_what_its_last_layer_sees():
    model = bert.classifier(bert.encoder(20, 16, 1, 2, 8), pairs=True)
    texts = {"tokens": np.array([[3, 4, 5, 6]]), "segments": np.array([[0, 0, 1, 1]])}
    logits, outputs = (
        model.predict(texts, verbose=0),
        with_features(model).predict(texts, verbose=0),
    )
    kernel, bias = model.get_layer("class").get_weights()
    np.testing.assert_allclose(outputs[:, :2], logits, atol=1e-6)
    np.testing.assert_allclose(outputs[:, 2:] @ kernel + bias, logits, atol=1e-5)


def test_accuracy_reads_both_kinds_of_labels():
    labels = np.array([1, 1])
    for target in (labels, with_outputs(labels, LOGITS)):
        np.testing.assert_array_equal(np.asarray(Taught().accuracy(target, LOGITS)), [1, 0])


def test_the_gradient_is_twice_that_of_keras_distiller():
    keras.utils.set_random_seed(0)
    teacher, student = (
        keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)]) for _ in range(2)
    )
    x = np.random.default_rng(0).standard_normal((16, 6)).astype("float32")
    y = np.arange(16) % 4
    # By its name Keras 3.15.1 applies the loss to logits.
    part = keras.distillation.LogitsDistillation(2.0, loss=keras.losses.KLDivergence())
    distiller = keras.distillation.Distiller(teacher, student, part)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile(keras.optimizers.SGD(0.1), loss)
    begin = student.get_weights()
    distiller.fit(x, y, batch_size=len(x), shuffle=False, verbose=0)
    steps = [new - old for new, old in zip(student.get_weights(), begin, strict=True)]
    student.set_weights(begin)
    student.compile(keras.optimizers.SGD(0.05), Taught(1.0, classes=4, temperature=2.0))
    labels = with_outputs(y, np.asarray(teacher(x)))
    student.fit(x, labels, batch_size=len(x), shuffle=False, verbose=0)
    for new, old, step in zip(student.get_weights(), begin, steps, strict=True):
        np.testing.assert_allclose(new - old, step, rtol=1e-3, atol=1e-6)


def test_the_rate_warms_up_and_falls():
    rate = decaying(0.1, 100)
    values = [float(rate(step)) for step in (0, 5, 50, 100)]
    assert values[0] == 0.0
    assert values[1] == pytest.approx(0.1)
    assert 0.04 < values[2] < 0.06
    assert values[3] == pytest.approx(0.001, rel=1e-3)
    assert float(decaying(0.1, 0)(0)) == 0.0  # no epochs at all


def test_scores():
    labels = np.array([1, 1, 0, 0, 1])
    logits = keras.utils.to_categorical([1, 0, 1, 0, 1], 2)
    assert scores(logits, labels) == {"accuracy": 0.6, "f1": pytest.approx(2 / 3)}
    assert scores(logits[:, [1, 0, 0]], labels).keys() == {"accuracy"}
    assert relative_loss(0.8, 0.76) == pytest.approx(0.05)


def test_a_teacher_is_a_copy():
    model = cifar_models.resnet(8)
    copy = copied(model)
    model.set_weights([weight + 1 for weight in model.get_weights()])
    assert (
        copy.get_layer(cifar_models.LAST).get_weights()[0]
        != model.get_layer(cifar_models.LAST).get_weights()[0]
    ).all()
