"""Every repository that the build uses, none of which comes from a network.

TensorFlow is the one that the environment `.venv` holds, GoogleTest and oneDNN
are the ones that the system has installed.

Bazel's own tools load a few rules from `@rules_cc` and its like. Bazel 5 and
later brings or fetches them by itself. Bazel 4, which Debian and Ubuntu
package, expects the WORKSPACE to say where they are: `bazel4/` holds a forward
to the rules that are built into it. Nothing of ours loads from them.
"""

load("//custom_ops/toolchain:system_libs.bzl", "system_libs")
load("//custom_ops/toolchain:tensorflow.bzl", "tensorflow_wheel")

_FORWARDED = ["remote_coverage_tools", "rules_cc", "rules_java"]

def _major_version():
    """Bazel's major version; 4 where the build of it (Debian's) has no version."""
    major = native.bazel_version.split(".")[0] if native.bazel_version else ""
    return int(major) if major.isdigit() else 4

def tfsparse_repositories():
    """Declares `@local_config_tf`, `@system_libs` and what Bazel 4 lacks."""
    tensorflow_wheel(name = "local_config_tf")
    system_libs(name = "system_libs")
    if _major_version() < 5:
        for name in _FORWARDED:
            native.local_repository(
                name = name,
                path = "custom_ops/toolchain/bazel4/" + name,
            )
