"""Attention as Python functions: thin wrappers of the registered ops."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfsparse.ops.library import load


@dataclasses.dataclass(frozen=True)
class AttentionConfig:
    """How the heads of an attention lie in its tensors, and how its scores are masked.

    Attributes:
        heads: Heads H of the query, at least 1.
        head_size: Channels D of a head of query and key, at least 1.
        kv_heads: Heads of key and value, which divide `heads`; None for as many. Head ``h`` of the
            query reads head ``h // (heads // kv_heads)``.
        value_head_size: Channels of a head of the value; None for `head_size`.
        query_view: ``(offset, stride)``: channels ``offset + h * stride`` and so on are head
            ``h``'s, in a tensor that may have more. None: head after head, and nothing else.
        key_view: Likewise.
        value_view: Likewise.
        query_layout: ``"BTHD"`` for ``(batch, length, channels ...)``, however many axes the
            channels have, or ``"BHTD"`` for ``(batch, heads, length, head_size)``.
        key_layout: Likewise.
        value_layout: Likewise.
        output_layout: ``"BTC"`` for ``(batch, length, heads * value_head_size)``, ``"BTHD"`` for
            ``(batch, length, heads, value_head_size)``, or ``"BHTD"``.
        scale: What scores are multiplied by; None for ``1 / sqrt(head_size)``.
        soft_cap: Scores become ``soft_cap * tanh(score / soft_cap)`` before they are masked, or
            stay what they are if this is 0.
        causal: Whether query ``t`` keeps the keys up to ``t`` only.
        causal_offset: ``"start"`` if the first query and the first key are aligned, ``"end"`` if
            the last ones are.
        masked: What a hidden score becomes: ``"add"``, the score plus `masked_value`, or
            ``"replace"``, `masked_value`.
        masked_value: Any number or infinity.
        bias_first: Whether the bias is added before the mask is applied.
        zero_masked: Whether a query all of whose keys are hidden gives 0.
        compute: ``"float32"`` or ``"bfloat16"``, the type of the operands of both products.
    """

    heads: int
    head_size: int
    kv_heads: int | None = None
    value_head_size: int | None = None
    query_view: tuple[int, int] | None = None
    key_view: tuple[int, int] | None = None
    value_view: tuple[int, int] | None = None
    query_layout: Literal["BTHD", "BHTD"] = "BTHD"
    key_layout: Literal["BTHD", "BHTD"] = "BTHD"
    value_layout: Literal["BTHD", "BHTD"] = "BTHD"
    output_layout: Literal["BTC", "BTHD", "BHTD"] = "BTC"
    scale: float | None = None
    soft_cap: float = 0.0
    causal: bool = False
    causal_offset: Literal["start", "end"] = "start"
    masked: Literal["add", "replace"] = "add"
    masked_value: float = -1e9
    bias_first: bool = True
    zero_masked: bool = False
    compute: Literal["float32", "bfloat16"] = "float32"

    def attributes(self) -> dict[str, Any]:
        """The attributes of the ops."""
        attributes = dataclasses.asdict(self)
        for name in ("kv_heads", "value_head_size"):
            attributes[name] = attributes[name] or 0
        for name in ("query_view", "key_view", "value_view"):
            attributes[name] = list(attributes[name] or ())
        if self.scale is None:
            attributes["scale"] = 1 / math.sqrt(self.head_size)
        return attributes


def attention(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    config: AttentionConfig,
    bias: npt.ArrayLike | tf.Tensor | None = None,
    mask: npt.ArrayLike | tf.Tensor | None = None,
) -> tf.Tensor:
    """Attends to float keys and values: ``softmax(masked(scale * query @ key.T) + bias) @ value``.

    The scores of all heads are never in memory at a time. Steps are rounded to float32 as those
    of TensorFlow are, so a row whose keys are all hidden is what TensorFlow makes of it. Without
    keys the result is 0. Vaswani et al., "Attention Is All You Need", arXiv:1706.03762.

    Args:
        query: float32 tensor of shape ``(batch, T, heads * head_size)``, or as `config` says.
        key: float32 tensor of shape ``(batch, S, kv_heads * head_size)``, or as `config` says.
        value: float32 tensor of shape ``(batch, S, kv_heads * value_head_size)``, or as `config`
            says.
        config: Heads, layouts, scale and masks.
        bias: float32 tensor that can be broadcast to ``(batch, heads, T, S)``, added to the
            scores; or None.
        mask: bool tensor that can be broadcast to ``(batch, heads, T, S)``, true where a key is
            kept; or None.

    Returns:
        float32 tensor of shape ``(batch, T, heads * value_head_size)``, or as `config` says.

    Raises:
        tf.errors.InvalidArgumentError: If shapes or numbers are not as above.

    Example:

    >>> x = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
    >>> config = AttentionConfig(heads=1, head_size=2, scale=100.0)
    >>> attention(x, x, x, config).numpy().tolist()
    [[[1.0, 0.0], [0.0, 1.0]]]
    >>> attention(x, x, x, config, mask=[True, False]).numpy().tolist()
    [[[1.0, 0.0], [1.0, 0.0]]]
    """
    return load().tfsparse_attention(
        query=query, key=key, value=value, **_masks(bias, mask), **config.attributes()
    )


def quantized_attention(
    query: tf.Tensor,
    key: tf.Tensor,
    value: tf.Tensor,
    config: AttentionConfig,
    bias: npt.ArrayLike | tf.Tensor | None = None,
    mask: npt.ArrayLike | tf.Tensor | None = None,
    *,
    query_scale: float = 1.0,
    query_zero_point: int = 0,
    key_scale: float = 1.0,
    key_zero_point: int = 0,
    value_scale: float = 1.0,
    value_zero_point: int = 0,
    output_dtype: tf.DType = tf.float32,
    y_scale: float = 1.0,
    y_zero_point: int = 0,
) -> tf.Tensor:
    """Attends to keys and values that may be uint8, with a result that may be.

    A uint8 tensor stands for ``scale * (q - zero_point)``. Products and softmax are those of
    `attention`; the result is rounded, half to even, to ``y / y_scale + y_zero_point``.

    Args:
        query: As in `attention`, float32 or uint8.
        key: As in `attention`, of the query's type.
        value: As in `attention`, of the query's type.
        config: Heads, layouts, scale and masks.
        bias: As in `attention`.
        mask: As in `attention`.
        query_scale: Finite and positive; for a uint8 query.
        query_zero_point: In [0, 255]; for a uint8 query.
        key_scale: Finite and positive; for a uint8 key.
        key_zero_point: In [0, 255]; for a uint8 key.
        value_scale: Finite and positive; for a uint8 value.
        value_zero_point: In [0, 255]; for a uint8 value.
        output_dtype: ``tf.float32`` or ``tf.uint8``.
        y_scale: Finite and positive; for uint8 results.
        y_zero_point: In [0, 255]; for uint8 results.

    Returns:
        Tensor of `output_dtype`, shaped as in `attention`.

    Raises:
        tf.errors.InvalidArgumentError: If shapes or numbers are not as above.

    Example:

    >>> x = tf.constant([[[2, 1], [1, 2]]], tf.uint8)
    >>> config = AttentionConfig(heads=1, head_size=2, scale=100.0)
    >>> quantized_attention(x, x, x, config, value_zero_point=1).numpy().tolist()
    [[[1.0, 0.0], [0.0, 1.0]]]
    """
    return load().tfsparse_quantized_attention(
        query=query,
        key=key,
        value=value,
        query_scale=query_scale,
        query_zero_point=query_zero_point,
        key_scale=key_scale,
        key_zero_point=key_zero_point,
        value_scale=value_scale,
        value_zero_point=value_zero_point,
        y_scale=y_scale,
        y_zero_point=y_zero_point,
        Tout=output_dtype,
        **_masks(bias, mask),
        **config.attributes(),
    )


def _masks(
    bias: npt.ArrayLike | tf.Tensor | None, mask: npt.ArrayLike | tf.Tensor | None
) -> dict[str, Any]:
    return {
        "bias": np.zeros(0, np.float32) if bias is None else bias,
        "mask": np.zeros(0, np.bool_) if mask is None else mask,
    }
