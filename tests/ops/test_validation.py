"""Everything that arrives is checked; the error says what was wrong and what was seen."""

import numpy as np
import pytest
import tensorflow as tf

from .helpers import float_arguments, int8_arguments, raw_float, raw_int8

# A matrix of 8 outputs and 6 inputs in blocks 4x2: 2 block rows, 3 block columns. One block is not
# stored, so indices = [0, 1, 2, 0, 2], indptr = [0, 3, 5].
DENSE = np.ones((8, 6))
DENSE[4:, 2:4] = 0
X = tf.ones((2, 6))


def int32(*values):
    return np.array(values, np.int32)


def zeros(*shape):
    return np.zeros(shape, np.float32)


# What is changed in good arguments of the float op, and what the message then says.
STRUCTURE = {
    "data of rank 2": ({"data": zeros(5, 8)}, r"`data`.* rank 3.*\[5,8\]"),
    "data of rank 4": ({"data": zeros(5, 4, 2, 1)}, r"`data`.* rank 3.*\[5,4,2,1\]"),
    "indices of rank 0": ({"indices": np.int32(0)}, r"`indices`.* rank 1.*\[\]"),
    "indices of rank 2": ({"indices": int32([0, 1, 2, 0, 2])}, r"`indices`.* rank 1.*\[1,5\]"),
    "indptr of rank 2": ({"indptr": int32([0, 3, 5])}, r"`indptr`.* rank 1.*\[1,3\]"),
    "bias of rank 2": ({"bias": zeros(1, 8)}, r"`bias`.* rank 1.*\[1,8\]"),
    "bias too short": ({"bias": zeros(7)}, r"`bias` should have 8 or 0 elements.*Received: 7"),
    "bias too long": ({"bias": zeros(9)}, r"`bias` should have 8 or 0 elements.*Received: 9"),
    "residual too short": (
        {"residual": zeros(7)},
        r"`residual` should have y's shape.*or \[0\]. Received: shape=\[7\]",
    ),
    "residual of one row": ({"residual": zeros(1, 8)}, r"`residual`.*shape=\[1,8\]"),
    "residual transposed": ({"residual": zeros(8, X.shape[0])}, r"`residual` should have y's"),
    "residual of a higher rank": ({"residual": zeros(1, X.shape[0], 8)}, r"`residual` should"),
    "residual without columns": ({"residual": zeros(X.shape[0], 0)}, r"`residual` should have"),
    "bias NaN": (
        {"bias": np.float32([0, 0, np.nan, 0, 0, 0, 0, 0])},
        r"`bias` should be finite.*bias\[2\]=-?nan",
    ),
    "bias infinite": (
        {"bias": np.float32([0, 0, 0, 0, 0, 0, 0, -np.inf])},
        r"`bias` should be finite.*bias\[7\]=-inf",
    ),
    "no block height": ({"data": zeros(5, 0, 2)}, r"Blocks should be 1 to 64.*Received: 0x2"),
    "no block width": ({"data": zeros(5, 4, 0)}, r"Blocks should be 1 to 64.*Received: 4x0"),
    "blocks too high": ({"data": zeros(5, 65, 2)}, r"Blocks should be 1 to 64.*Received: 65x2"),
    "blocks too wide": ({"data": zeros(5, 4, 65)}, r"Blocks should be 1 to 64.*Received: 4x65"),
    "fewer blocks than indices": (
        {"data": zeros(4, 4, 2)},
        r"`indices` should have one element per block.*Received: 5 indices for 4 blocks",
    ),
    "more blocks than indices": (
        {"data": zeros(6, 4, 2)},
        r"`indices` should have one element per block.*Received: 5 indices for 6 blocks",
    ),
    "indptr empty": ({"indptr": int32()}, r"`indptr` should have .*= 3 elements.*Received: 0"),
    "indptr too short": ({"indptr": int32(0, 5)}, r"`indptr` should have .*= 3 .*Received: 2"),
    "indptr too long": ({"indptr": int32(0, 3, 5, 5)}, r"`indptr` should .*= 3 .*Received: 4"),
    "units do not fit indptr": ({"units": 9}, r"ceil\(9 outputs / 4\) \+ 1 = 4 .*Received: 3"),
    "units enormous": ({"units": 2**31 - 1}, r"`indptr` should have .*= 536870913 .*Received: 3"),
    "units beyond int32": ({"units": 2**31}, r"outputs.*Received: outputs=2147483648, inputs=6"),
    "units near int64": ({"units": 2**63 - 1}, r"outputs.*Received: outputs=9223372036854775807"),
    "indptr[0] not 0": ({"indptr": int32(1, 3, 5)}, r"begin with 0.*indptr\[0\]=1"),
    "indptr[0] negative": ({"indptr": int32(-1, 3, 5)}, r"begin with 0.*indptr\[0\]=-1"),
    "indptr falls": (
        {"indptr": int32(0, 6, 5)},
        r"`indptr` should not fall.*indptr\[1\]=6, indptr\[2\]=5",
    ),
    "indptr falls below 0": (
        {"indptr": int32(0, -2147483648, 5)},
        r"`indptr` should not fall.*indptr\[0\]=0, indptr\[1\]=-2147483648",
    ),
    "indptr ends early": ({"indptr": int32(0, 3, 4)}, r"end with .* blocks, 5.*Received: 4"),
    "indptr ends late": ({"indptr": int32(0, 3, 2**31 - 1)}, r"end with .*Received: 2147483647"),
    "index too large": (
        {"indices": int32(0, 1, 3, 0, 2)},
        r"`indices` should be in \[0, 3\).*indices\[2\]=3",
    ),
    "index enormous": ({"indices": int32(0, 1, 2, 0, 2**31 - 1)}, r"indices\[4\]=2147483647"),
    "index negative": ({"indices": int32(-1, 1, 2, 0, 2)}, r"indices\[0\]=-1"),
    "index least": ({"indices": int32(0, 1, 2, -(2**31), 2)}, r"indices\[3\]=-2147483648"),
    "index repeated": (
        {"indices": int32(0, 1, 1, 0, 2)},
        r"`indices` should rise.*indices\[2\]=1 after 1 in block row 0",
    ),
    "indices fall": (
        {"indices": int32(0, 1, 2, 2, 0)},
        r"`indices` should rise.*indices\[4\]=0 after 2 in block row 1",
    ),
}


def scales(n, value):
    array = np.ones(8, np.float32)
    array[n] = value
    return array


# TensorFlow's threads take these for 0, and error messages have to show what they were.
SUBNORMAL = [
    (np.float32(value), text) for value, text in [(1e-45, r"1\.4013e-45"), (1e-38, "1e-38")]
]

QUANTIZATION = {
    **{
        f"{name} {value}": ({name: np.float32(value)}, rf"`{name}` .*positive.*Received: {seen}")
        for name in ("x_scale", "y_scale")
        for value, seen in [
            (np.nan, "-?nan"),
            (np.inf, "inf"),
            (-np.inf, "-inf"),
            (0, "0"),
            (-0.5, "-0.5"),
        ]
    },
    **{
        f"{name} {value}": (
            {name: scales(3, value) if name == "w_scale" else value},
            rf"`{name}` .*positive and at least 1.17549e-38.* as 0. Received: .*{seen}",
        )
        for name in ("x_scale", "y_scale", "w_scale")
        for value, seen in SUBNORMAL
    },
    **{
        f"{name} {value}": ({name: value}, rf"`{name}` should be in \[0, 255\].*Received: {value}")
        for name in ("x_zero_point", "y_zero_point")
        for value in (-1, 256, 300, -(2**31), 2**31 - 1)
    },
    **{
        f"w_scale {value}": ({"w_scale": scales(3, value)}, rf"`w_scale` .*w_scale\[3\]={seen}")
        for value, seen in [(np.nan, "-?nan"), (np.inf, "inf"), (0, "0"), (-1, "-1")]
    },
    "scales whose product overflows": (
        {"w_scale": scales(7, 3e38), "x_scale": np.float32(10)},
        r"`w_scale` .*also times `x_scale`.*w_scale\[7\]=3e\+38, x_scale=10",
    ),
    "scales whose quotient overflows": (
        {"w_scale": scales(7, 3e38), "y_scale": np.float32(0.1)},
        r"`w_scale` .*`y_scale`.*w_scale\[7\]=3e\+38, x_scale=0.5, y_scale=0.1",
    ),
    "w_scale too short": ({"w_scale": zeros(7)}, r"`w_scale` should have 8 .*Received: 7"),
    "w_scale empty": ({"w_scale": zeros(0)}, r"`w_scale` should have 8 .*Received: 0"),
    "w_scale of rank 2": ({"w_scale": zeros(8, 1)}, r"`w_scale`.* rank 1.*\[8,1\]"),
    **{
        f"{name} of rank 1": ({name: np.array([1], dtype)}, rf"`{name}`.* rank 0.*\[1\]")
        for name, dtype in [
            ("x_scale", np.float32),
            ("x_zero_point", np.int32),
            ("y_scale", np.float32),
            ("y_zero_point", np.int32),
        ]
    },
}


def refused(match):
    return pytest.raises(tf.errors.InvalidArgumentError, match=match)


def test_what_the_cases_start_from_is_good():
    assert raw_float(X, **float_arguments(DENSE.astype(np.float32), (4, 2))).shape == (2, 8)
    assert raw_int8(X, **int8_arguments(DENSE.astype(np.int8), (4, 2))).shape == (2, 8)


@pytest.mark.parametrize("constant", [False, True], ids=["compared", "const"])
@pytest.mark.parametrize("case", STRUCTURE)
def test_float(case, constant):
    changes, message = STRUCTURE[case]
    arguments = float_arguments(DENSE.astype(np.float32), (4, 2), is_weight_const=constant)
    with refused(message):
        raw_float(X, **arguments | changes)


@pytest.mark.parametrize("case", STRUCTURE)
def test_bfloat16(case):
    changes, message = STRUCTURE[case]
    arguments = float_arguments(DENSE.astype(np.float32), (4, 2)) | changes
    with refused(message):
        raw_float(X, **arguments | {"data": tf.cast(arguments["data"], tf.bfloat16)})


@pytest.mark.parametrize("case", [*STRUCTURE, *QUANTIZATION])
def test_int8(case):
    changes, message = (STRUCTURE | QUANTIZATION)[case]
    if "data" in changes:
        changes = {"data": changes["data"].astype(np.int8)}
    arguments = int8_arguments(DENSE.astype(np.int8), (4, 2))
    if "units" in changes:  # w_scale, which has no good length for them, is looked at first
        message = r"`w_scale` should have \d+ elements.*Received: 8"
    with refused(message):
        raw_int8(X, **arguments | changes)


@pytest.mark.parametrize("shape", [(), (6,)], ids=str)
def test_rank_of_x(shape):
    message = r"`x` should have rank 2 or more.*Received: shape=\[6?\]"
    with refused(message):
        raw_float(tf.ones(shape), **float_arguments(DENSE.astype(np.float32), (4, 2)))
    with refused(message):
        raw_int8(tf.ones(shape), **int8_arguments(DENSE.astype(np.int8), (4, 2)))


@pytest.mark.parametrize("inputs", [0, 4])
def test_x_has_fewer_inputs_than_the_weights(inputs):
    with refused(rf"`indices` should be in \[0, {inputs // 2}\)"):
        raw_float(tf.ones((2, inputs)), **float_arguments(DENSE.astype(np.float32), (4, 2)))


def test_an_empty_batch_is_checked_all_the_same():
    with refused("begin with 0"):
        raw_float(
            tf.ones((0, 6)),
            **float_arguments(DENSE.astype(np.float32), (4, 2), indptr=int32(1, 3, 5)),
        )
    with refused("`x_scale`"):
        raw_int8(tf.ones((0, 6)), **int8_arguments(DENSE.astype(np.int8), (4, 2), x_scale=0.0))


def test_sums_that_could_leave_32_bits():
    """255 * 65794 * 128 > 2^31 - 1 >= 255 * 65793 * 128."""
    least = np.full((2, 65794), -128, np.int8)
    least[0] = 0
    x = tf.fill((1, least.shape[1]), tf.constant(255, tf.uint8))
    with refused(r"absolute int8 weights should fit.*Received: a sum of 8421632 for output 1"):
        raw_int8(x, **int8_arguments(least, (1, 64)))
    least[1, 0] = 0
    y = raw_int8(x, **int8_arguments(least, (1, 64), x_zero_point=0, x_scale=1.0))
    assert y.numpy()[0].tolist() == [0, np.float32(-128 * 65793 * 255)]


@pytest.mark.parametrize(
    "dtype", [tf.float64, tf.bfloat16, tf.int8, tf.uint8], ids=lambda d: d.name
)
def test_float_takes_float32_alone(dtype):
    """But for weights, which may be bfloat16."""
    arguments = float_arguments(DENSE.astype(np.float32), (4, 2))
    with refused("float"):
        raw_float(tf.cast(X, dtype), **arguments)
    other = arguments | {"data": tf.cast(arguments["data"], dtype)}
    if dtype == tf.bfloat16:
        assert raw_float(X, **other).shape == (2, 8)
    else:
        with refused("float"):
            raw_float(X, **other)


def test_int8_dtypes():
    arguments = int8_arguments(DENSE.astype(np.int8), (4, 2))
    with refused(r"int8.*not in the list of allowed values: float, uint8"):
        raw_int8(tf.cast(X, tf.int8), **arguments)
    with refused(r"int8.*not in the list of allowed values: float, uint8"):
        raw_int8(X, **arguments | {"Tout": tf.int8})
    with refused("int8"):
        raw_int8(X, **arguments | {"data": tf.cast(arguments["data"], tf.uint8)})
    with refused("int32"):
        raw_int8(X, **arguments | {"indices": tf.cast(arguments["indices"], tf.int64)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 0}, r"units.* of 0 must be at least minimum 1"),
        ({"units": -1}, r"units.* of -1 must be at least minimum 1"),
        (
            {"activation": "swish"},
            r'"swish" is not in the list of allowed values: "linear", "relu"',
        ),
    ],
)
def test_attributes(changes, message):
    with refused(message):
        raw_float(X, **float_arguments(DENSE.astype(np.float32), (4, 2)) | changes)


def test_a_failure_leaves_nothing_behind():
    """The same op, fed good weights after bad ones and bad after good."""
    good = float_arguments(DENSE.astype(np.float32), (4, 2))
    bad = good | {"indices": int32(0, 1, 3, 0, 2)}
    expected = raw_float(X, **good).numpy()
    for _ in range(3):
        with refused("indices"):
            raw_float(X, **bad)
        np.testing.assert_array_equal(raw_float(X, **good), expected)
