"""The compiler's flags for files of one instruction set: what base/cpu_features.h tests for."""

AVX2 = [
    "-mavx2",
    "-mfma",
]

AVX2VNNI = AVX2 + ["-mavxvnni"]

AVX512 = AVX2 + [
    "-mavx512f",
    "-mavx512bw",
    "-mavx512dq",
    "-mavx512vl",
]

AVX512VNNI = AVX512 + ["-mavx512vnni"]

AVX512VBMI = AVX512VNNI + ["-mavx512vbmi"]

AVX512BF16 = AVX512VBMI + ["-mavx512bf16"]

AMX = AVX512BF16 + [
    "-mamx-tile",
    "-mamx-int8",
]
