import numpy as np
from support import ssd
from support.ssd_boxes import SHAPES, decoded, default_boxes, encoded, matched, overlaps

DEFAULTS = np.array([[0, 0, 10, 10], [10, 0, 20, 10], [0, 10, 10, 20], [2, 2, 12, 12]], np.float32)


def test_default_boxes_lie_around_the_places_of_each_map_in_order():
    boxes = default_boxes(40, 80, [(2, 4), (1, 2)])
    assert boxes.shape == ((8 + 2) * len(SHAPES), 4)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    first = centres[:: len(SHAPES)].tolist()
    assert first[:5] == [[10, 10], [30, 10], [50, 10], [70, 10], [10, 30]]
    assert first[8:] == [[20, 20], [60, 20]]
    sizes = boxes[:, 2:] - boxes[:, :2]
    np.testing.assert_allclose(sizes[0], [18, 18], rtol=1e-5)
    np.testing.assert_allclose(sizes[8 * len(SHAPES)], [36, 36], rtol=1e-5)
    np.testing.assert_allclose(sizes[3] / sizes[2], [0.5, 2], rtol=1e-5)


def test_overlaps_of_boxes_that_touch_cut_and_are_equal():
    found = overlaps(DEFAULTS[:1], np.array([[0, 0, 10, 10], [10, 0, 20, 10], [5, 0, 15, 10]]))
    np.testing.assert_allclose(found, [[1, 0, 1 / 3]])


def test_offsets_are_those_of_the_paper():
    found = encoded(np.array([[1, 2, 21, 7]]), np.array([[0, 0, 10, 10]]))
    np.testing.assert_allclose(found, [[6, -0.5, 5 * np.log(2), 5 * np.log(0.5)]], rtol=1e-5)


def test_decoding_is_the_inverse_of_encoding():
    random = np.random.default_rng(0)
    low = random.uniform(0, 200, (50, 2))
    boxes = np.concatenate([low, low + random.uniform(5, 100, (50, 2))], axis=1)
    defaults = default_boxes(100, 100, [(5, 5)])[:50]
    offsets = encoded(boxes, defaults)
    np.testing.assert_allclose(decoded(offsets, defaults), boxes, atol=1e-3)
    np.testing.assert_allclose(decoded(offsets[None], defaults)[0], boxes, atol=1e-3)


def test_a_default_box_stands_for_what_it_overlaps_most():
    boxes = np.array([[0, 0, 10, 10], [3, 3, 12, 12]], np.float32)
    found = matched(boxes, np.array([2, 1]), DEFAULTS)
    assert found[:, 4].tolist() == [2, 0, 0, 1]
    np.testing.assert_allclose(decoded(found[[0, 3], :4], DEFAULTS[[0, 3]]), boxes, atol=1e-4)


def test_a_box_that_none_overlaps_by_half_has_its_best_one():
    found = matched(np.array([[12, 2, 15, 5]], np.float32), np.array([3]), DEFAULTS)
    assert found[:, 4].tolist() == [0, 3, 0, 0]


def test_a_labelled_box_takes_its_best_from_another_that_it_overlaps_more():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 4, 4]], np.float32)
    found = matched(boxes, np.array([1, 2]), DEFAULTS[:3])
    assert found[:, 4].tolist() == [2, 0, 0]


def test_nothing_is_matched_in_an_image_without_boxes():
    found = matched(np.zeros((0, 4), np.float32), np.zeros(0, np.int32), DEFAULTS)
    assert found.shape == (4, 5) and not found.any()


def test_the_model_has_a_row_for_each_default_box():
    model = ssd.ssd(240, 320, classes=3, share=0.125)
    maps = ssd.feature_maps(model)
    assert maps[0] == (30, 40) and len(maps) == 4
    assert model.output_shape == (None, len(default_boxes(240, 320, maps)), 4 + 1 + 3)
