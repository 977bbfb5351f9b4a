import keras
import numpy as np
import pytest
from support.detections import detections
from support.ssd_boxes import SHAPES, default_boxes, matched
from support.ssd_loss import DetectionLoss, hard, smooth_l1


def rows(classes, offsets=0.0):
    """Targets of one image: the same offsets everywhere."""
    classes = np.asarray(classes, np.float32)
    return np.concatenate([np.full((len(classes), 4), offsets), classes[:, None]], axis=1)[None]


def outputs(count, offsets=0.0, **logits):
    found = np.zeros((1, count, 4 + 3), np.float32)
    found[..., :4] = offsets
    for place, values in logits.items():
        found[0, int(place[1:]), 4:] = values
    return found


def test_smooth_l1_is_a_square_and_then_a_line():
    np.testing.assert_allclose(smooth_l1(np.array([[0.5, -0.5], [3.0, -1.0]])), [0.25, 3.0])


def test_three_of_the_worst_are_learned_for_each_box_that_holds_something():
    losses = np.array([[9.0, 1.0, 5.0, 2.0, 4.0, 3.0], [1.0, 2.0, 6.0, 3.0, 5.0, 4.0]], np.float32)
    held = np.zeros((2, 6), np.float32)
    held[0, 0] = 1
    found = np.asarray(hard(losses, held))
    assert found.tolist() == [[0, 0, 1, 0, 1, 1], [0, 0, 1, 0, 1, 1]]


def test_all_others_are_learned_where_they_are_too_few():
    assert np.asarray(hard(np.ones((1, 4)), np.array([[1.0, 1, 0, 0]]))).tolist() == [[0, 0, 1, 1]]


def test_the_loss_is_its_formula():
    targets = rows([1, 0, 0, 0, 0, 2], offsets=0.5)
    logits = outputs(6, p0=[0, 2, 0], p1=[3, 0, 0])
    chances = np.exp(logits[0, :, 4:])
    chances /= chances.sum(axis=1, keepdims=True)
    cross = -np.log(chances[range(6), [1, 0, 0, 0, 0, 2]])
    places = 2 * 4 * 0.5 * 0.5**2
    # Of two that hold something, four others are fewer than six, so all are learned from.
    expected = (cross.sum() + places) / 2
    assert float(DetectionLoss()(targets, logits)) == pytest.approx(expected, rel=1e-5)


def test_places_are_learned_only_where_there_is_something():
    targets, there, elsewhere = rows([1, 0]), outputs(2), outputs(2)
    there[0, 0, :4], elsewhere[0, 1, :4] = 3.0, 3.0
    loss = DetectionLoss()
    base = float(loss(targets, outputs(2)))
    assert float(loss(targets, there)) == pytest.approx(base + 4 * 2.5, rel=1e-5)
    assert float(loss(targets, elsewhere)) == pytest.approx(base, rel=1e-5)


def test_the_dense_models_part_is_smallest_where_the_model_agrees_with_it():
    teacher = outputs(2, offsets=0.7, p0=[0.3, 1.2, -1.0], p1=[2.0, 0.1, 0.4])
    targets = rows([1, 0])
    taught = np.concatenate([targets, teacher], axis=-1)

    def part(model):
        return float(DetectionLoss(1.0)(taught, model)) - float(DetectionLoss()(targets, model))

    for place in ((0, 0, 2), (0, 0, 5), (0, 1, 4)):
        for step in (-0.3, 0.3):
            other = teacher.copy()
            other[place] += step
            assert part(other) > part(teacher) + 1e-4


@pytest.mark.long
def test_the_loss_falls_on_squares_of_two_brightnesses():
    """Planted: where a square stands and how bright it is decides what is to be found."""
    keras.utils.set_random_seed(0)
    image = keras.Input((64, 64, 3))
    hidden = keras.layers.AveragePooling2D(8)(image)
    hidden = keras.layers.Conv2D(32, 3, padding="same", activation="relu")(hidden)
    rows = keras.layers.Conv2D(len(SHAPES) * 7, 3, padding="same")(hidden)
    model = keras.Model(image, keras.layers.Reshape((-1, 7))(rows))
    defaults = default_boxes(64, 64, [(8, 8)])
    random = np.random.default_rng(0)
    images = np.zeros((16, 64, 64, 3), np.float32)
    targets = []
    for number, image in enumerate(images):
        left, top = random.integers(2, 42, 2)
        image[top : top + 20, left : left + 20] = 1.0 if number % 2 else -1.0
        box = np.array([[left, top, left + 20, top + 20]], np.float32)
        targets.append(matched(box, np.array([1 + number % 2]), defaults))
    model.compile(keras.optimizers.Adam(1e-2), DetectionLoss(), jit_compile=False)
    losses = model.fit(images, np.stack(targets), 8, epochs=50, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 4
    found = detections(np.asarray(model(images)), defaults)
    assert sum(classes[0] == 1 + n % 2 for n, (_, _, classes) in enumerate(found)) >= 14
