"""Weights, and what the two ops should make of them, computed by NumPy alone."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops
from tfsparse.ops import BlockSparseMatrix
from tfsparse.pattern import BlockPattern

# One in each of the families of kernels: full strips, single rows, blocks that are a multiple of
# four inputs wide, blocks that no strip divides, the largest.
PATTERNS = [(16, 4), (4, 1), (1, 1), (2, 1), (5, 3), (8, 8), (1, 16), (64, 64), (13, 64)]
# (M, K, N): ones, and a bit less, as much and more than what a kernel takes at a time.
SHAPES = [(1, 1, 1), (1, 70, 33), (15, 16, 17), (16, 64, 64), (17, 65, 15), (65, 33, 130)]

NON_FINITE = [np.nan, np.inf, -np.inf]
BFLOAT16 = tf.bfloat16.as_numpy_dtype


def sparse(dense, block):
    return BlockSparseMatrix.from_dense(dense, BlockPattern(*block))


def keep_blocks(rng, dense, block, share):
    """Zeroes whole blocks of a matrix (out, in), but for about `share` of them."""
    grid = [-(-size // b) for size, b in zip(dense.shape, block, strict=True)]
    mask = np.kron(rng.random(grid) < share, np.ones(block, bool))
    return np.where(mask[: dense.shape[0], : dense.shape[1]], dense, dense.dtype.type(0))


def float_weights(rng, n, k, block, share=0.4):
    return keep_blocks(rng, rng.standard_normal((n, k)).astype(np.float32), block, share)


def rounded(array):
    """The nearest bfloat16 of each float, half to even, as float32."""
    return np.asarray(array, np.float32).astype(BFLOAT16).astype(np.float32)


def bf16_weights(rng, n, k, block, share=0.4):
    return float_weights(rng, n, k, block, share).astype(BFLOAT16)


def int8_weights(rng, n, k, block, share=0.4):
    """Over the full range, -128 included."""
    return keep_blocks(rng, rng.integers(-128, 128, (n, k), dtype=np.int8), block, share)


def float_bound(x, dense, bias=0.0):
    """How far a float32 sum of K products and a bias may lie from the exact one.

    In any order, fused or not, each of the K + 1 terms is rounded at most K + 2 times, so the
    error is at most g * (sum of magnitudes) with g = n*u / (1 - n*u), n = K + 2, u = eps / 2
    (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
    """
    n, u = dense.shape[1] + 2, np.finfo(np.float32).eps / 2
    magnitudes = np.abs(x).astype(np.float64) @ np.abs(dense.T).astype(np.float64) + np.abs(bias)
    return n * u / (1 - n * u) * magnitudes


def fma(a, b, c):
    """float32 fused multiply-add, exactly rounded.

    The product of two floats is exact in double. Their sum with c is rounded to odd, which the
    second rounding, to float, cannot mistake for a tie.
    """
    product, c = np.float64(a) * np.float64(b), np.float64(c)
    total = product + c
    back = total - product
    error = (product - (total - back)) + (c - back)
    even = np.atleast_1d(total).view(np.int64).reshape(np.shape(total)) & 1 == 0
    odd = np.where((error != 0) & even, np.nextafter(total, np.copysign(np.inf, error)), total)
    return odd.astype(np.float32)


def quantize(x, inv_scale, zero_point):
    """round(x * inv_scale) + zero_point in [0, 255], half to even."""
    scaled = np.float32(x) * np.float32(inv_scale)
    return (np.clip(np.rint(scaled), -zero_point, 255 - zero_point) + zero_point).astype(np.uint8)


def int8_model(x, x_scale, x_zero_point, dense, w_scale, bias=None, relu=False, y=None):
    """What the header of custom_ops/engine/sparse_layer.h defines, in integers and exact fma.

    `y` is (scale, zero point) for a uint8 result.
    """
    x_scale, w_scale = np.float32(x_scale), np.asarray(w_scale, np.float32)
    q = x if x.dtype == np.uint8 else quantize(x, np.float32(1) / x_scale, x_zero_point)
    sums = (q.astype(np.int64) - x_zero_point) @ dense.astype(np.int64).T
    unit = np.float32(1) / np.float32(y[0]) if y else np.float32(1)
    scale = x_scale * w_scale * unit
    shift = np.float32(0) if bias is None else np.asarray(bias, np.float32) * unit
    result = fma(sums.astype(np.float32), scale, shift)
    if relu:
        result = np.where(result < 0, np.float32(0), result)
    return quantize(result, 1, y[1]) if y else result


def bits(array):
    """Floats as integers, so that equal means equal to the last bit, the sign of 0 included."""
    array = np.asarray(array)
    return array.view(np.uint32) if array.dtype == np.float32 else array


def float_arguments(dense, block, **changes):
    """Arguments of the raw float op but for x; `changes` overrides or adds some."""
    w = sparse(dense, block)
    return {
        "data": w.data,
        "indices": w.indices,
        "indptr": w.indptr,
        "bias": np.zeros(0, np.float32),
        "residual": np.zeros(0, np.float32),
        "units": dense.shape[0],
    } | changes


def tensor_arguments(dense, block, **changes):
    """The same with weights as a tensor: an array would be cast to the op's default type."""
    arguments = float_arguments(dense, block, **changes)
    return arguments | {"data": tf.constant(arguments["data"])}


def int8_arguments(dense, block, **changes):
    """Arguments of the raw int8 op but for x; `changes` overrides or adds some."""
    return (
        float_arguments(
            dense,
            block,
            x_scale=0.5,
            x_zero_point=3,
            w_scale=np.ones(dense.shape[0], np.float32),
            y_scale=1.0,
            y_zero_point=0,
            Tout=tf.float32,
        )
        | changes
    )


def raw_float(x, **arguments):
    return ops.load().tfsparse_block_sparse_mat_mul(x=x, **arguments)


def raw_int8(x, **arguments):
    return ops.load().tfsparse_quantized_block_sparse_mat_mul(x=x, **arguments)


def kinds(array):
    """0 for finite, NaN and the two infinities apart."""
    array = np.asarray(array)
    return np.isnan(array) * 1 + (array == np.inf) * 2 + (array == -np.inf) * 3


def cpu_has(*flags):
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    found = next((line.split() for line in lines if line.startswith("flags")), [])
    return set(flags) <= set(found)


AVX2 = ("avx2", "fma")
AVX512 = (*AVX2, "avx512f", "avx512bw", "avx512dq", "avx512vl")
VBMI = (*AVX512, "avx512_vnni", "avx512vbmi")
BF16 = (*VBMI, "avx512_bf16")


ISA_VARIABLE = "TFSPARSE_ISA"
"""The environment variable that forces the ISA of the kernels."""

NEEDS = {
    "portable": (),
    "avx2": AVX2,
    "avx2vnni": (*AVX2, "avx_vnni"),
    "avx512": AVX512,
    "avx512vnni": (*AVX512, "avx512_vnni"),
    "avx512vbmi": VBMI,
    "avx512bf16": BF16,
    "amx": (*BF16, "amx_tile", "amx_int8"),
}
"""Every ISA with kernels, and the processor's flags that it needs."""


def isas():
    """Those that this processor has."""
    return [isa for isa, flags in NEEDS.items() if cpu_has(*flags)]


def isa_parameters():
    """Every ISA with kernels; those that this processor lacks are marked as skipped."""
    lacking = set(NEEDS) - set(isas())
    return [
        pytest.param(isa, marks=pytest.mark.skipif(isa in lacking, reason=f"this CPU lacks {isa}"))
        for isa in NEEDS
    ]


def run_python(code, *arguments, **environment):
    """Runs code in a new interpreter; `tests.processes.run_code` takes a tenth of the time."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"} | environment,
    )
