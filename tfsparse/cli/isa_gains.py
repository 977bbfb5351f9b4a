"""What each instruction set brings, and what a processor with the next one would."""

from __future__ import annotations

from collections.abc import Sequence

MEANS = {
    "portable": "C++ for any processor: right answers, slower than TensorFlow's dense product",
    "avx2": "AVX2 and FMA: 8 floats at a time; INT8 is about as fast as FP32",
    "avx2vnni": "AVX-VNNI: INT8 at up to 4 times the rate of FP32",
    "avx512": "AVX-512: 16 floats at a time; INT8 at 1.3 times the rate of FP32",
    "avx512vnni": "AVX-512 VNNI: INT8 at up to 4 times the rate of FP32",
    "avx512vbmi": "VNNI and VBMI: INT8 with blocks that are one or two wide as well",
    "avx512bf16": "VNNI, VBMI and BF16: BF16 at up to twice, INT8 at up to 4 times the rate of "
    "FP32",
    "amx": "AMX: tiles for INT8 where they are faster, AVX-512 for the rest",
}

_NEXT = {
    "portable": "any processor with AVX2 and FMA runs vector kernels (Intel since 2013, AMD since "
    "2015)",
    "avx2": "AVX-512 doubles the width; VNNI makes INT8 up to 4 times as fast as FP32 "
    "(Intel Ice Lake, AMD Zen 4 and newer)",
    "avx2vnni": "AVX-512 doubles the width (Intel Ice Lake servers, AMD Zen 4 and newer)",
    "avx512": "VNNI makes INT8 up to 4 times as fast as FP32 (Intel Cascade Lake, AMD Zen 4 and "
    "newer)",
    "avx512vnni": "VBMI helps INT8 blocks that are one or two wide (Intel Ice Lake, AMD Zen 4 and "
    "newer)",
    "avx512vbmi": "BF16 multiplies at up to twice the rate of FP32 (AMD Zen 4 and newer; not on "
    "Intel's processors with AMX)",
    "avx512bf16": "AMX multiplies dense INT8 several times faster (Intel Sapphire Rapids and "
    "newer); sparse INT8 gains less",
    "amx": "nothing that these kernels would use",
}


def what_newer_gives(isa: str) -> str:
    """What a processor with the next instruction set would bring."""
    return _NEXT.get(isa, "not known")


def why_chosen(supported: Sequence[str], variable: str, forced: str | None) -> str:
    """Why kernels use an instruction set: a variable asks for it, or it is the best."""
    if forced:
        return f"{variable}={forced} asks for it; the processor could do {supported[-1]}"
    return "the best that this processor and its Linux allow"
