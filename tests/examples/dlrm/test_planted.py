"""A planted teacher gives the same views each time, skewed ids, and clicks that can be learned."""

import numpy as np
import pytest
from dlrm import planted
from dlrm.planted import CHUNK, TABLE_SIZES, TEST, TRAIN, Teacher
from dlrm.scores import auc


@pytest.fixture(scope="module")
def teacher():
    return Teacher(3)


def test_a_longer_draw_begins_with_a_shorter_one(teacher):
    longer, shorter = teacher.draw(CHUNK + 5, TRAIN), Teacher(3).draw(100, TRAIN)
    assert longer.dense.shape == (CHUNK + 5, 13) and longer.ids.shape == (CHUNK + 5, 26)
    for one, other in zip(longer.taken(slice(100)), shorter, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(longer.ids[:CHUNK][:5], longer.ids[CHUNK:])


def test_parts_and_seeds_differ(teacher):
    views = teacher.draw(50, TRAIN)
    assert not np.array_equal(views.ids, teacher.draw(50, TEST).ids)
    assert not np.array_equal(views.ids, Teacher(4).draw(50, TRAIN).ids)


def test_ids_fit_their_tables_and_are_skewed(teacher):
    ids = teacher.draw(CHUNK, TRAIN).ids
    assert ids.dtype == np.int32 and ids.min() == 0
    assert (ids.max(axis=0) < TABLE_SIZES).all()
    counts = np.bincount(ids[:, -1], minlength=TABLE_SIZES[-1])
    share = 1 / np.sum(1 / np.arange(1, TABLE_SIZES[-1] + 1) ** planted.ZIPF)
    assert counts[0] / CHUNK == pytest.approx(share, rel=0.1)
    assert counts[0] / counts[9] == pytest.approx(10**planted.ZIPF, rel=0.3)


def test_clicks_are_drawn_with_the_probability_of_the_logits(teacher):
    views = teacher.draw(CHUNK, TEST)
    logits = teacher.logits(views.dense, views.ids)
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    assert views.labels.mean() == pytest.approx(planted.CLICK_RATE, abs=0.02)
    for low in (0.0, 0.2, 0.4, 0.6):
        rows = (probability >= low) & (probability < low + 0.2)
        assert views.labels[rows].mean() == pytest.approx(probability[rows].mean(), abs=0.05)
    assert 0.8 < auc(views.labels, logits).value < 0.9


def test_half_of_the_logit_is_more_than_popularity(teacher):
    views = teacher.draw(4000, TEST)
    popularity, interaction = teacher._parts(views.dense, views.ids)
    assert abs(np.corrcoef(popularity, interaction)[0, 1]) < 0.2
    logits = teacher.logits(views.dense, views.ids)
    for part in (popularity, interaction):
        assert np.corrcoef(part, logits)[0, 1] == pytest.approx(0.5**0.5, abs=0.12)


def test_logits_do_not_depend_on_how_views_are_cut(teacher):
    views = teacher.draw(CHUNK + 7, TEST)
    whole = teacher.logits(views.dense, views.ids)
    np.testing.assert_allclose(
        whole[CHUNK:], teacher.logits(views.dense[CHUNK:], views.ids[CHUNK:]), rtol=1e-4, atol=1e-4
    )
