import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support import bccd
from support.locations import DEFAULT_DATA

XML = """<annotation><object><name>WBC</name><difficult>0</difficult><bndbox>
<xmin>1</xmin><ymin>9</ymin><xmax>32</xmax><ymax>48</ymax></bndbox></object>
<object><name>RBC</name><bndbox>
<xmin>17</xmin><ymin>5</ymin><xmax>17</xmax><ymax>5</ymax></bndbox></object>
<object><name>Platelets</name><bndbox>
<xmin>41</xmin><ymin>21</ymin><xmax>60</xmax><ymax>30</ymax></bndbox></object></annotation>"""


def write(path, contents):
    path.parent.mkdir()
    with tarfile.open(path, "w:xz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"BCCD/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def root(tmp_path):
    contents = {}
    for number, part in enumerate(bccd.PARTS):
        name = f"BloodImage_{number:05}"
        image = np.full((48, 64, 3), 60 * (number + 1), np.uint8)
        contents[f"JPEGImages/{name}.jpg"] = tf.io.encode_jpeg(image, quality=100).numpy()
        contents[f"Annotations/{name}.xml"] = XML.encode()
        contents[f"ImageSets/Main/{part}.txt"] = f"{name}\n".encode()
    write(tmp_path / bccd.ARCHIVE, contents)
    return tmp_path


def test_reads_the_parts_at_half_the_size_without_empty_boxes(root):
    parts = bccd.load(root)
    for number, part in enumerate(bccd.PARTS):
        assert parts[part].images.shape == (1, 24, 32, 3)
        assert parts[part].images.mean() == pytest.approx(60 * (number + 1), abs=2)
        assert parts[part].boxes[0].tolist() == [[0, 4, 16, 24], [20, 10, 30, 15]]
        assert parts[part].classes[0].tolist() == [2, 3]


def test_absent_data_ends_with_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match=r"bccd/bccd.tar.xz.*\n.*TFSPARSE_DATA"):
        bccd.load(tmp_path)


def test_an_annotation_without_anything_is_empty():
    boxes, classes = bccd.annotated(b"<annotation></annotation>")
    assert boxes.shape == (0, 4) and classes.shape == (0,)


def bright_square():
    image = np.zeros((1, 60, 80, 3), np.uint8)
    image[0, 20:32, 50:70] = 255
    return bccd.Labelled(image, [np.array([[50, 20, 70, 32]], np.float32)], [np.array([2])])


def listed(boxes, classes):
    return np.concatenate([boxes, classes[:, None]], axis=1).astype(np.float32)


def test_boxes_follow_what_they_hold(monkeypatch):
    """Zoomed, shifted and flipped, the square is where its box says."""
    monkeypatch.setattr(bccd, "GAIN", 0.0)
    monkeypatch.setattr(bccd, "SHIFT", 0.0)
    monkeypatch.setattr(bccd, "ZOOM", (0.95, 1.4))
    data = bccd.augmented(
        bright_square(), 1, 0, lambda b, c: listed(b, c) if len(b) else np.zeros((1, 5))
    )
    places = set()
    for images, rows in data.repeat(12).as_numpy_iterator():
        ys, xs = np.nonzero(images[0, :, :, 0] > 0.5)
        seen = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        np.testing.assert_allclose(rows[0, 0, :4], seen, atol=1)
        assert rows[0, 0, 4] == 2
        places.add((rows[0, 0, 0] > 40, rows[0, 0, 1] > 30))
    assert len(places) > 2


def test_the_whole_image_flipped_is_exactly_that():
    boxes = np.array([[50, 20, 70, 32]], np.float32)
    same, kept = bccd.seen_through(np.array([0, 0, 1, 1]), boxes, (60, 80))
    flipped, _ = bccd.seen_through(np.array([1, 1, 0, 0]), boxes, (60, 80))
    np.testing.assert_allclose(same, boxes, atol=1e-4)
    np.testing.assert_allclose(flipped, [[10, 28, 30, 40]], atol=1e-4)
    assert kept.tolist() == [True]


def test_boxes_are_cut_at_the_edges_and_left_out_beyond():
    boxes = np.array([[30, 0, 60, 10], [0, 0, 10, 10]], np.float32)
    window = np.array([0, 0.5, 1, 1])  # the right half
    found, kept = bccd.seen_through(window, boxes, (60, 80))
    assert kept.tolist() == [True, False]
    assert found[0, 0] == 0 and found[0, 2] == pytest.approx(40, abs=1)


def test_what_the_teacher_says_of_the_changed_image_stands_beside():
    data = bccd.augmented(
        bright_square(),
        1,
        0,
        lambda b, c: np.zeros((1, 5), np.float32),
        lambda images: tf.reshape(tf.reduce_mean(images), [1, 1, 1]),
    )
    ((images, rows),) = data.as_numpy_iterator()
    assert rows.shape == (1, 1, 6) and rows[0, 0, 5] == pytest.approx(images.mean(), abs=1e-4)


def test_the_data_is_what_the_documentation_says():
    root = Path(os.environ.get("TFSPARSE_DATA", DEFAULT_DATA))
    if not (root / bccd.ARCHIVE).is_file():
        pytest.skip(f"there is no {bccd.ARCHIVE} in {root}")
    parts = bccd.load(root)
    assert [len(parts[part].images) for part in bccd.PARTS] == [205, 87, 72]
    assert sum(len(boxes) for part in parts.values() for boxes in part.boxes) == 4888 - 2
    assert parts["train"].images.shape[1:] == (240, 320, 3)
