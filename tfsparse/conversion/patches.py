"""Windows of images as rows, which a convolution multiplies by its matrix.

A convolution is the product of its windows by its matrix. So what is said of products, such as the
error of a precision, is said of convolutions by way of some of their windows.
"""

from __future__ import annotations

import numpy as np

from tfsparse.conversion.geometry import Geometry


def patches(images: np.ndarray, geometry: Geometry, count: int) -> np.ndarray:
    """Takes windows evenly from images, zeros where they reach beyond.

    Args:
        images: Array of shape ``(images, height, width, channels)``.
        geometry: How the window moves.
        count: The most windows to take, about.

    Returns:
        Array of shape ``(windows, groups, height * width * channels / groups)`` of the kernel's
        height and width, channels fastest.
    """
    pads = geometry.fixed_pads(images.shape[1:3])
    assert pads is not None
    height, width = geometry.output_sizes(images.shape[1:3])
    places = np.arange(len(images) * height * width)
    places = places[:: max(1, len(places) // max(1, count))]
    image, place = np.divmod(places, max(1, height * width))
    y, x = np.divmod(place, max(1, width))
    rows = _taps(y, 0, geometry, pads[0])[:, :, None]
    columns = _taps(x, 1, geometry, pads[2])[:, None, :]
    inside = (rows >= 0) & (rows < images.shape[1]) & (columns >= 0) & (columns < images.shape[2])
    taken = images[image[:, None, None], np.where(inside, rows, 0), np.where(inside, columns, 0)]
    taken = np.where(inside[..., None], taken, 0)
    depth = images.shape[3] // geometry.groups
    split = taken.reshape(len(places), geometry.taps, geometry.groups, depth).swapaxes(1, 2)
    return split.reshape(len(places), geometry.groups, geometry.taps * depth)


def _taps(places: np.ndarray, axis: int, geometry: Geometry, before: int) -> np.ndarray:
    """Rows or columns of the image that the windows at some places of the result read."""
    taps = np.arange(geometry.kernel_size[axis]) * geometry.dilations[axis]
    return places[:, None] * geometry.strides[axis] + taps - before
