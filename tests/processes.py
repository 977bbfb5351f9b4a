"""Functions of the tests, run in processes of their own.

A fork server makes the processes. It has imported TensorFlow but never used it, so a new
process starts in a hundredth of a second instead of the seconds that the imports take, and
its TensorFlow is as fresh as in one that was started by hand: devices can be configured,
`TF_CONFIG` can be set, and it can be killed.

None outlives its time. Whoever asked waits no longer than `timeout`, and kills what is left;
and should that one be gone, an alarm ends the process.
"""

import multiprocessing
import multiprocessing.connection
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
# Not tfsparse, which would load the op library, and takes 0.4 s.
_CONTEXT.set_forkserver_preload(["tensorflow", "keras", "tf_keras", "pytest"])

TIMEOUT = 300


def run(function, *arguments, timeout=TIMEOUT):
    """Calls a function in a new process and returns what it returns.

    Raises:
        AssertionError: If it raises, dies or takes too long.
    """
    return run_together([(function, *arguments)], timeout)[0]


def run_together(calls, timeout=TIMEOUT):
    """Makes several calls at once, each in a new process, and returns their results.

    Args:
        calls: Tuples of a function of a module and its arguments, which can be pickled.
        timeout: Seconds. When it is over, or when one call fails, all are killed.

    Raises:
        AssertionError: If one raises, dies or takes too long.
    """
    children = [_start(timeout, *call) for call in calls]
    results = {}
    try:
        deadline = time.monotonic() + timeout
        while len(results) < len(children):
            waiting = [reader for index, (_, reader) in enumerate(children) if index not in results]
            if not multiprocessing.connection.wait(waiting, deadline - time.monotonic()):
                raise AssertionError(f"{calls} took more than {timeout} s")
            for index, (process, reader) in enumerate(children):
                if index not in results and reader.poll():
                    results[index] = _receive(process, reader)
        return [results[index] for index in range(len(children))]
    finally:
        for process, reader in children:
            if len(results) < len(children):
                process.kill()
            process.join()
            reader.close()


def run_until_killed(function, *arguments, timeout=TIMEOUT):
    """Calls a function that has to end by SIGKILL.

    Raises:
        AssertionError: If it ends in another way.
    """
    process, reader = _start(timeout, function, *arguments)
    process.join(timeout)
    code = process.exitcode
    process.kill()
    process.join()
    said = reader.recv() if code == 0 else ""
    reader.close()
    assert code == -signal.SIGKILL, f"{function.__name__} was not killed: {code} {said}"


def run_code(code, *arguments, timeout=TIMEOUT, **environment):
    """Runs the text of a program with arguments and variables of the environment.

    Returns:
        A `subprocess.CompletedProcess`, whose output is text.
    """
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("output", "errors")]
        arguments = ["-c", *map(str, arguments)]
        variables = dict(os.environ) | environment
        process = _CONTEXT.Process(
            target=_run_code, args=(code, arguments, variables, said, timeout)
        )
        process.start()
        process.join(timeout)
        process.kill()
        process.join()
        texts = [file.read_text() for file in said]
        return subprocess.CompletedProcess(arguments, process.exitcode, *texts)


def _run_code(code, arguments, variables, said, timeout):
    signal.alarm(int(timeout) + 30)
    _redirect(said)
    os.environ.update(variables)
    sys.argv = arguments
    exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})


def _redirect(files):
    """Makes files the output and the errors of this process."""
    for descriptor, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)


def _start(timeout, function, *arguments):
    reader, writer = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(
        target=_call, args=(writer, timeout, function, arguments), daemon=True
    )
    process.start()
    writer.close()
    return process, reader


def _call(writer, timeout, function, arguments):
    signal.alarm(int(timeout) + 30)  # the default action: the process ends
    try:
        answer = (function(*arguments), None)
    except BaseException:
        answer = (None, traceback.format_exc())
    writer.send(answer)


def _receive(process, reader):
    try:
        value, error = reader.recv()
    except EOFError:
        process.join()
        value, error = None, f"the process died, exit code {process.exitcode}"
    assert error is None, error
    return value


class ForkedModule:
    """A `subprocess.Popen` of `python -m module` by the fork server; its outputs are files.

    Put in the place of `Popen` it saves each process the imports of TensorFlow.
    """

    def __init__(self, command, *, stdin, stdout, stderr, cwd, env):
        assert command[:2] == [sys.executable, "-m"] and stdin == subprocess.DEVNULL
        files = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (stdout, stderr)]
        arguments = (command[2:], files, cwd, env)
        self._process = _CONTEXT.Process(target=_run_module, args=arguments)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self.returncode

    def wait(self):
        self._process.join()
        return self.returncode

    def kill(self):
        self._process.kill()


def _run_module(command, files, cwd, env):
    _redirect(files)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = command
    try:
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
