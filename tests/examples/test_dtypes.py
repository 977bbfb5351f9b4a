"""Tests of the choice of a type to train in."""

import pytest
from support import dtypes


@pytest.mark.parametrize(
    ("flags", "policy"),
    [
        ("fpu avx2 avx512f avx512_vnni avx512_bf16", "mixed_bfloat16"),
        ("fpu avx2 amx_bf16 amx_tile", "mixed_bfloat16"),
        ("fpu avx2 avx512f avx512_vnni", "float32"),
        ("fpu avx2", "float32"),
    ],
)
def test_auto_is_the_faster_one(tmp_path, flags, policy):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\nbogomips : 1\n")
    assert dtypes.policy("auto", tmp_path / "cpuinfo") == policy


def test_a_name_is_kept(tmp_path):
    assert dtypes.policy("mixed_float16", tmp_path / "absent") == "mixed_float16"


def test_an_unknown_processor_trains_in_float32(tmp_path):
    assert dtypes.policy("auto", tmp_path / "absent") == "float32"
