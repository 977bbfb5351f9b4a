"""Convolutions of every kind, and their patches, by NumPy alone."""

import dataclasses

import numpy as np
import tensorflow as tf

from . import helpers


@dataclasses.dataclass(frozen=True)
class ConvCase:
    """Images ``(batch, height, width, channels)`` and what goes over them."""

    images: tuple[int, int, int, int]
    kernel: tuple[int, int]
    filters: int
    block: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    padding: str | tuple = "SAME"
    groups: int = 1

    @property
    def inputs(self):
        return self.kernel[0] * self.kernel[1] * self.images[3] // self.groups

    @property
    def window(self):
        """What both functions take."""
        return {
            "strides": self.strides,
            "dilations": self.dilations,
            "padding": self.padding,
            "groups": self.groups,
        }

    def paddings(self):
        """((top, bottom), (left, right))."""
        if not isinstance(self.padding, str):
            return self.padding
        return tuple(
            same_padding(*axis) if self.padding == "SAME" else (0, 0)
            for axis in zip(
                self.images[1:3], self.kernel, self.strides, self.dilations, strict=True
            )
        )

    def patches(self, x, padding):
        """What the kernel covers, ``(batch, height', width', groups, inputs)``."""
        (top, bottom), (left, right) = self.paddings()
        around = ((0, 0), (top, bottom), (left, right), (0, 0))
        padded = np.pad(x, around, constant_values=padding)
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        rows, columns = (
            max(0, (size - r) // s + 1)
            for size, r, s in zip(padded.shape[1:3], reach, self.strides, strict=True)
        )
        result = np.zeros((x.shape[0], rows, columns, self.groups, self.inputs), x.dtype)
        for i in range(rows):
            for j in range(columns):
                y, z = i * self.strides[0], j * self.strides[1]
                window = padded[
                    :, y : y + reach[0] : self.dilations[0], z : z + reach[1] : self.dilations[1]
                ]
                apart = window.reshape(*window.shape[:3], self.groups, x.shape[3] // self.groups)
                moved = np.moveaxis(apart, 3, 1)
                result[:, i, j] = moved.reshape(x.shape[0], self.groups, self.inputs)
        return result

    def sums(self, x, zero_point, dense):
        """Of the products with uint8 images, as float32."""
        patches = self.patches(x, zero_point).astype(np.int64) - zero_point
        parts = np.split(dense.astype(np.int64), self.groups)
        sums = [patches[..., g, :] @ part.T for g, part in enumerate(parts)]
        return np.concatenate(sums, -1).astype(np.float32)

    def dense(self, x, dense):
        """TensorFlow's own convolution."""
        kernel = dense.reshape(self.filters, *self.kernel, -1).transpose(1, 2, 3, 0)
        padding = self.padding
        if not isinstance(padding, str):
            padding = [[0, 0], *map(list, padding), [0, 0]]
        return tf.nn.conv2d(x, kernel, self.strides, padding, dilations=self.dilations).numpy()

    def rng(self):
        return np.random.default_rng([*self.images, *self.kernel, self.filters, *self.block])

    def float_weights(self, rng):
        return helpers.float_weights(rng, self.filters, self.inputs, self.block)


def same_padding(size, kernel, stride, dilation):
    missing = max(0, (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size)
    return missing // 2, missing - missing // 2


def int8_case(case):
    """Random weights, scales and biases, and what they were drawn from."""
    rng = case.rng()
    dense = helpers.int8_weights(rng, case.filters, case.inputs, case.block)
    w_scale = rng.uniform(1e-4, 1e-2, case.filters).astype(np.float32)
    bias = rng.standard_normal(case.filters).astype(np.float32)
    return rng, dense, w_scale, bias


def int8_conv_model(case, x, dense, w_scale, bias, y=None):
    """`int8_model` of the patches with ReLU, group by group."""
    patches = case.patches(x, 0 if x.dtype == np.float32 else 119)
    parts = zip(*(np.split(a, case.groups) for a in (dense, w_scale, bias)), strict=True)
    return np.concatenate(
        [
            helpers.int8_model(patches[..., g, :], 0.021, 119, *part, relu=True, y=y)
            for g, part in enumerate(parts)
        ],
        -1,
    )


CASES = {
    "stem": ConvCase((1, 15, 17, 3), (7, 7), 16, (2, 1), (2, 2), padding=((3, 2), (2, 3))),
    "taps": ConvCase((2, 7, 7, 64), (3, 3), 70, (2, 1)),
    "rows of taps": ConvCase((1, 9, 8, 16), (3, 3), 33, (4, 4), (2, 2)),
    "valid": ConvCase((3, 8, 5, 12), (2, 3), 9, (5, 3), padding="VALID"),
    "dilated": ConvCase((1, 11, 10, 8), (3, 3), 12, (4, 1), dilations=(2, 3)),
    "groups": ConvCase((1, 6, 9, 32), (3, 3), 32, (4, 1), groups=4),
    "wide groups": ConvCase((1, 5, 7, 128), (3, 3), 64, (16, 4), (2, 2), groups=2),
    "depthwise": ConvCase((2, 7, 6, 6), (3, 3), 12, (1, 1), groups=6),
    "pointwise": ConvCase((3, 5, 5, 20), (1, 1), 17, (16, 4)),
    "strided pointwise": ConvCase((2, 9, 8, 22), (1, 1), 15, (13, 2), (2, 3)),
    "line": ConvCase((2, 1, 33, 12), (1, 5), 10, (2, 2), padding=((0, 0), (4, 0))),
    "small image": ConvCase((4, 2, 2, 5), (5, 5), 6, (3, 1)),
    "few pixels": ConvCase((1, 4, 4, 10), (3, 3), 24, (4, 2), padding="VALID"),
    "no images": ConvCase((0, 8, 8, 4), (3, 3), 8, (4, 1)),
    "empty result": ConvCase((1, 4, 9, 4), (5, 3), 8, (4, 1), (2, 1), padding="VALID"),
}
