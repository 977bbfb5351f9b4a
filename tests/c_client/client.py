"""Builds and runs examples/c_client as a user would, from the command line."""

import dataclasses
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

ROOT = Path(__file__).resolve().parents[2]
INVALID_ARGUMENT = "code 3"

# TensorFlow is not sanitized: it leaks on purpose, and its containers know no red zones. A finding
# exits with a code that the client never has.
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:detect_container_overflow=0:strict_string_checks=1:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=99",
}


def bazel(*arguments):
    """Output of Bazel, the one that `make setup` has chosen."""
    chosen = ROOT / ".build" / "bazel"
    assert chosen.exists(), "`make setup` should have run. Received: no .build/bazel"
    command = [chosen.read_text().strip(), *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def read_saved_model(folder):
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((Path(folder) / "saved_model.pb").read_bytes())
    return model


def signature_elements(folder, signature="serving_default"):
    """Graph elements of a signature with one input and one output."""
    definition = read_saved_model(folder).meta_graphs[0].signature_def[signature]
    ((_, input_),), ((_, output),) = definition.inputs.items(), definition.outputs.items()
    return input_.name, output.name


@dataclasses.dataclass(frozen=True)
class Client:
    """The program and the op library that were built together."""

    program: Path
    library: Path

    @classmethod
    def build(cls, *configuration):
        targets = ["//examples/c_client", "//custom_ops/tf_ops:libtfsparse_ops.so"]
        bazel("build", "--symlink_prefix=/", *configuration, *targets)
        folder = Path(bazel("info", *configuration, "bazel-bin"))
        return cls(
            folder / "examples/c_client/c_client", folder / "custom_ops/tf_ops/libtfsparse_ops.so"
        )

    def call(self, *arguments, **environment):
        return subprocess.run(
            [self.program, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"} | SANITIZER_OPTIONS | environment,
        )

    def serve(self, folder, x, with_library=True, **environment):
        """Runs serving_default; gives the process and the float32 result, if there is one."""
        input_, output = signature_elements(folder)
        with tempfile.TemporaryDirectory() as scratch:
            batch, result = Path(scratch, "x.raw"), Path(scratch, "y.raw")
            batch.write_bytes(np.ascontiguousarray(x).tobytes())
            run = self.call(
                *("--model", folder, "--input", input_, "--output", output),
                *("--shape", ",".join(map(str, x.shape))),
                *("--input-file", batch, "--output-file", result),
                *(("--library", self.library) if with_library else ()),
                **environment,
            )
            if run.returncode != 0:
                return run, None
            _, dtype, _, *shape = run.stdout.split()
            assert int(dtype) == tf.float32.as_datatype_enum
            y = np.frombuffer(result.read_bytes(), np.float32)
        return run, y.reshape([int(size) for size in shape])


def serve_in_python(folder, x):
    """The same signature through tf.saved_model.load."""
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    ((name, _),) = signature.structured_input_signature[1].items()
    (y,) = signature(**{name: tf.constant(x)}).values()
    return y.numpy()
