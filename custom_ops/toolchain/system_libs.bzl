"""`@system_libs`: the libraries that tests and benchmarks take from the system.

The op library needs none of them. A library that is not installed becomes a
target that is incompatible with every platform, so that `bazel build //...`
leaves out what depends on it and builds the rest, and asking for such a target
by name says which one is missing.
"""

# Target: (header that proves it is installed, linker flags).
_LIBRARIES = {
    "gtest_main": ("gtest/gtest.h", ["-lgtest_main", "-lgtest", "-lpthread"]),
    "dnnl": ("dnnl.hpp", ["-ldnnl"]),
}

_PREFIXES = ["/usr/include", "/usr/local/include"]

_INSTALLED = """
cc_library(
    name = "{name}",
    linkopts = {linkopts},
)
"""

_MISSING = """
# {header} was not found in {prefixes}.
cc_library(
    name = "{name}",
    target_compatible_with = ["@platforms//:incompatible"],
)
"""

def _system_libs_impl(repository_ctx):
    targets = ["package(default_visibility = [\"//visibility:public\"])\n"]
    for name, (header, linkopts) in _LIBRARIES.items():
        found = [
            prefix
            for prefix in _PREFIXES
            if repository_ctx.path(prefix + "/" + header).exists
        ]
        targets.append((_INSTALLED if found else _MISSING).format(
            name = name,
            linkopts = repr(linkopts),
            header = header,
            prefixes = ", ".join(_PREFIXES),
        ))
    repository_ctx.file("BUILD", "".join(targets))

# `local`: looked at again whenever Bazel's server starts, since installing a
# library changes no file of the checkout.
system_libs = repository_rule(
    implementation = _system_libs_impl,
    doc = "Targets for GoogleTest and oneDNN of the system.",
    local = True,
)
