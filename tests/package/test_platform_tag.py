import shutil
import subprocess

import platform_tag
import pytest
from platform_tag import Needs, parse_needs, tag_of_needs, together

DUMP = """
libx.so:     file format elf64-x86-64

Dynamic Section:
  NEEDED               libtensorflow_framework.so.2
  NEEDED               libstdc++.so.6
  NEEDED               libc.so.6
  SONAME               libx.so

Version definitions:
1 0x01 0x0a5c5a0e GLIBC_9.99

Version References:
  required from libstdc++.so.6:
    0x0297f871 0x00 02 GLIBCXX_3.4.9
    0x0297f872 0x00 03 GLIBCXX_3.4.21
    0x0bafd179 0x00 04 CXXABI_1.3
  required from libc.so.6:
    0x06969194 0x00 05 GLIBC_2.14
    0x06969195 0x00 06 GLIBC_2.2.5
    0x06969196 0x00 07 GLIBC_PRIVATE
"""


def needs(libraries=("libc.so.6",), **versions):
    return Needs(frozenset(libraries), versions)


def test_reads_the_newest_version_of_each_family_and_no_definition():
    assert parse_needs(DUMP) == Needs(
        frozenset({"libtensorflow_framework.so.2", "libstdc++.so.6", "libc.so.6"}),
        {"GLIBCXX": (3, 4, 21), "CXXABI": (1, 3), "GLIBC": (2, 14)},
    )


@pytest.mark.parametrize(
    ("versions", "tag"),
    [
        ({}, "manylinux_2_17_x86_64"),
        ({"GLIBC": (2, 17)}, "manylinux_2_17_x86_64"),
        ({"GLIBC": (2, 18)}, "manylinux_2_24_x86_64"),
        ({"GLIBC": (2, 2, 5), "GLIBCXX": (3, 4, 30)}, "manylinux_2_35_x86_64"),
        ({"CXXABI": (1, 3, 11)}, "manylinux_2_27_x86_64"),
        ({"GCC": (12, 0, 0)}, "manylinux_2_35_x86_64"),
        ({"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29)}, "manylinux_2_34_x86_64"),
    ],
)
def test_the_oldest_system_that_has_everything(versions, tag):
    assert tag_of_needs(needs(**versions)) == tag


@pytest.mark.parametrize("versions", [{"GLIBC": (3, 0)}, {"GLIBCXX": (3, 5)}])
def test_refuses_what_no_known_system_has(versions):
    with pytest.raises(ValueError, match="should run on a system"):
        tag_of_needs(needs(**versions))


def test_several_libraries_need_what_any_of_them_needs():
    old, new = needs(GLIBC=(2, 17), CXXABI=(1, 3, 11)), needs(["libm.so.6"], GLIBC=(2, 31))
    assert together([old, new]) == together([new, old])
    assert together([old, new]) == needs(
        ["libc.so.6", "libm.so.6"], GLIBC=(2, 31), CXXABI=(1, 3, 11)
    )


def test_refuses_a_library_that_a_system_may_lack():
    with pytest.raises(ValueError, match=r"Received: libdnnl\.so\.2$"):
        tag_of_needs(needs(libraries=["libc.so.6", "libdnnl.so.2"]))


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler")
def test_reads_a_real_library(tmp_path):
    source, library = tmp_path / "x.c", tmp_path / "libx.so"
    # getentropy came with glibc 2.25.
    source.write_text("#include <unistd.h>\nint f(void *p) { return getentropy(p, 1); }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    assert platform_tag.platform_tag(library) == "manylinux_2_27_x86_64"
