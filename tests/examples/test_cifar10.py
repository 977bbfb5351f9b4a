import zipfile

import numpy as np
import tensorflow as tf
from support import cifar10


def encoded(images):
    """The inverse of `decoded`, step by step."""
    planes = images.copy()
    planes[..., 0] -= images[..., 1]
    planes[..., 2] -= images[..., 1]
    for axis in (1, 2):
        planes = np.diff(planes, axis=axis, prepend=np.uint8(0))
    return np.moveaxis(planes, -1, 0).tobytes()


def test_decodes_what_was_encoded():
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(cifar10.decoded(encoded(images)), images)


def test_reads_a_folder_of_jpegs_for_each_class(tmp_path):
    colours = {"cat": (200, 40, 60), "airplane": (20, 90, 220)}
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name, colour in colours.items():
            image = np.broadcast_to(np.uint8(colour), (32, 32, 3))
            content = tf.io.encode_jpeg(image, quality=100).numpy()
            archive.writestr(f"{name}/0000.jpg", content)
    images, labels = cifar10.unzipped(tmp_path / "images.zip")
    assert images.shape == (2, 32, 32, 3) and labels.tolist() == [0, 1]
    expected = cifar10.normalized(np.array([colours["airplane"], colours["cat"]]))
    np.testing.assert_allclose(images.mean(axis=(1, 2)), expected, atol=0.05)


def test_augmented_images_are_shifted_and_flipped_ones():
    images = np.random.default_rng(0).normal(size=(6, 32, 32, 3)).astype(np.float32)
    labels = np.arange(6, dtype=np.int32)
    dataset = cifar10.augmented((images, labels), size=3, seed=0)
    batches = list(dataset.as_numpy_iterator())
    assert len(batches) == len(dataset) == 2
    assert sorted(np.concatenate([batch for _, batch in batches])) == list(range(6))
    pixels = {tuple(pixel) for pixel in images.reshape(-1, 3)}
    black = tuple(-cifar10.MEAN / cifar10.DEVIATION)
    for image in np.concatenate([batch for batch, _ in batches]):
        known = [tuple(pixel) in pixels or tuple(pixel) == black for pixel in image.reshape(-1, 3)]
        assert all(known)
    assert not np.array_equal(batches[0][0], images[batches[0][1]])
