import numpy as np
import pytest
from support.detections import detections
from support.mean_precision import mean_precision
from support.ssd_boxes import encoded

NAMES = ("round", "flat")
BOXES = [
    np.array([[10, 10, 30, 30], [50, 10, 70, 30]], np.float32),
    np.array([[0, 0, 40, 20]], np.float32),
    np.zeros((0, 4), np.float32),
]
CLASSES = [np.array([1, 1]), np.array([2]), np.zeros(0, int)]


def found(shift=0.0, score=0.9):
    return [
        (boxes + shift, np.full(len(boxes), score), classes)
        for boxes, classes in zip(BOXES, CLASSES, strict=True)
    ]


def scores(detected):
    return mean_precision(detected, BOXES, CLASSES, NAMES)


def test_what_is_labelled_has_a_precision_of_one():
    perfect = {"ap": 1.0, "ap50": 1.0, "round": 1.0, "flat": 1.0}
    assert scores(found()) == pytest.approx(perfect)


def test_shifted_boxes_count_up_to_the_thresholds_that_they_overlap_by():
    """By 2 pixels: round ones overlap by 0.681, at 4 thresholds; flat ones by 0.747, at 5."""
    shifted = scores(found(shift=2.0))
    assert shifted == pytest.approx({"ap": 0.45, "ap50": 1.0, "round": 0.4, "flat": 0.5})


def test_the_wrong_class_the_wrong_image_and_nothing_count_nothing():
    swapped = [(boxes, each, 3 - classes) for boxes, each, classes in found()]
    assert scores(swapped)["ap"] == 0.0
    assert scores([*found()[1:], found()[0]])["ap50"] < 0.5
    nothing = (np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    assert scores([nothing] * 3) == {"ap": 0.0, "ap50": 0.0, "round": 0.0, "flat": 0.0}


def test_a_false_one_costs_only_where_it_is_believed_more():
    def with_false(score):
        false = (np.array([[5.0, 5, 25, 25]]), np.array([score]), np.array([1]))
        return scores([*found()[:2], false])

    assert with_false(0.1)["round"] == pytest.approx(1.0)
    assert with_false(0.99)["round"] < 0.7


def test_outputs_become_boxes_and_doubles_are_left_out():
    defaults = np.array([[0, 0, 20, 20], [2, 0, 22, 20], [60, 60, 80, 80]], np.float32)
    outputs = np.zeros((1, 3, 4 + 3), np.float32)
    outputs[0, :, :4] = encoded(defaults + np.float32([0, 0, 4, 0]), defaults)
    outputs[0, :, 4:] = [[0, 5, 0], [0, 6, 0], [0, 0, 7]]
    ((boxes, chances, classes),) = detections(outputs, defaults)
    sure = chances > 0.5
    assert classes[sure].tolist() == [2, 1]
    np.testing.assert_allclose(boxes[sure], [[60, 60, 84, 80], [2, 0, 26, 20]], atol=1e-3)
    assert chances[0] == pytest.approx(np.exp(7) / (2 + np.exp(7)), rel=1e-4)
