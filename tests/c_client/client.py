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
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2"} | SANITIZER_OPTIONS
SECONDS = 120
"""That many models may take, and one more for each: a machine that does much else is no hang."""


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
class Served:
    """What came of a model among many: what was said of it, and the result, if there is one."""

    said: str
    y: np.ndarray | None = None


TARGETS = (
    "//examples/c_client:c_client",
    "//tests/c_client:serve_many",
    "//custom_ops/tf_ops:libtfsparse_ops.so",
    "//tests/c_client:serve_by_load",
)


@dataclasses.dataclass(frozen=True)
class Client:
    """The programs and the op library that were built together, in the order of `TARGETS`."""

    program: Path
    many: Path
    library: Path
    by_load: Path

    @classmethod
    def build(cls, *configuration):
        bazel("build", "--symlink_prefix=/", *configuration, *TARGETS)
        folder = Path(bazel("info", *configuration, "bazel-bin"))
        return cls(*(folder / target[2:].replace(":", "/") for target in TARGETS))

    def call(self, *arguments, **environment):
        return subprocess.run(
            [self.program, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | ENVIRONMENT | environment,
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
            return run, _read(result, run.stdout)

    def serve_all(self, calls, **environment):
        """Serves pairs of a folder and x, most of them in one process; gives a `Served` of each.

        A process that dies or hangs is what came of the model that it was at, and another one goes
        on behind that.
        """
        served = []
        while len(served) < len(calls):
            served += self._serve_some(calls[len(served) :], environment)
        return served

    def _serve_some(self, calls, environment):
        with tempfile.TemporaryDirectory() as scratch:
            results = [Path(scratch, f"y{number}") for number in range(len(calls))]
            lines = []
            for number, ((folder, x), result) in enumerate(zip(calls, results, strict=True)):
                batch = Path(scratch, f"x{number}")
                batch.write_bytes(np.ascontiguousarray(x).tobytes())
                shape = ",".join(map(str, x.shape))
                lines.append([folder, *signature_elements(folder), shape, batch, result])
            file = Path(scratch, "calls")
            file.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
            said, end = self._run_many(file, SECONDS + len(calls), environment)
            assert len(said) % 2 or end.startswith("ended with code 0"), end
            served = [
                Served(line, None if line.startswith("error ") else _read(result, line))
                for line, result in zip(said[1::2], results, strict=False)
            ]
        # A number without an answer is the model that was the end of the process.
        return [*served, Served(end)] if len(said) % 2 else served

    def _run_many(self, file, seconds, environment):
        """The lines that a process has printed, and how it ended."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                [self.many, self.library, file],
                stdout=out,
                stderr=errors,
                env=os.environ | ENVIRONMENT | environment,
            )
            try:
                end = f"ended with code {process.wait(seconds)}"
            except subprocess.TimeoutExpired:
                end = f"hung for {seconds} seconds"
            finally:
                process.kill()
                process.wait()
            out.seek(0)
            errors.seek(0)
            return out.read().splitlines(), f"{end}: {errors.read()}"


def _read(file, described):
    """A result from its file and "dtype 1 shape 3 5"."""
    _, dtype, _, *shape = described.split()
    assert int(dtype) == tf.float32.as_datatype_enum
    y = np.frombuffer(file.read_bytes(), np.float32)
    return y.reshape([int(size) for size in shape])


def serve_in_python(folder, x):
    """The same signature through tf.saved_model.load."""
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    ((name, _),) = signature.structured_input_signature[1].items()
    (y,) = signature(**{name: tf.constant(x)}).values()
    return y.numpy()
