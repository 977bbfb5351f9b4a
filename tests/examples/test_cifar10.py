import zipfile

import numpy as np
import pytest
import tensorflow as tf
from support import cifar10

import tfsparse


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


def test_the_shortcut_takes_every_second_pixel_and_centres_the_channels():
    images = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype(np.float32)
    found = np.asarray(cifar10.OptionA()(images))
    assert found.shape == (1, 2, 2, 4)
    np.testing.assert_array_equal(found[..., 1:3], images[:, ::2, ::2])
    assert not found[..., [0, 3]].any()


def test_all_convolutions_between_the_first_and_the_last_layer_are_pruned():
    model = cifar10.resnet20()
    pruned = tfsparse.prune_block(model, "2x1", 0.75, exclude=["conv1", "linear"])
    assert len(tfsparse.sparsity_report(pruned).kernels) == 18


def test_weights_and_strides_are_what_they_are_in_pytorch(tmp_path):
    """A kernel of its centre alone, stride 2 and one pixel of padding: every second pixel."""
    model = cifar10.resnet20()
    names = {layer.name: layer for layer in model.layers}
    values = {}
    for name, layer in names.items():
        if layer.weights:
            parts = (
                ("weight", "bias", "running_mean", "running_var")
                if ".bn" in name or name == "bn1"
                else ("weight", "bias")
            )
            for part, weight in zip(parts, layer.get_weights(), strict=False):
                axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(weight.ndim)
                values[f"{name}.{part}"] = np.zeros_like(weight.transpose(axes) if axes else weight)
    values["layer2.0.conv1.weight"][0, 0, 1, 1] = 1.0
    values["layer3.0.conv1.weight"][7, 5, 2, 1] = 3.0
    np.savez(tmp_path / "weights.npz", **values)
    cifar10.set_weights(model, tmp_path / "weights.npz")
    assert names["layer3.0.conv1"].get_weights()[0][2, 1, 5, 7] == 3.0
    convolution = names["layer2.0.conv1"]
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 16)).astype(np.float32)
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)))
    found = np.asarray(convolution(padded))[0, ..., 0]
    assert found == pytest.approx(image[0, ::2, ::2, 0], abs=1e-6)
