"""Kills a process at a chosen line of chosen files, so that every step of a program is tried."""

import itertools
import os
import signal
import sys
import traceback


def killed_at(line, files, work):
    """Runs `work` in a forked process; SIGKILL before the `line`-th line that it runs in `files`.

    Returns whether it was killed; False if it had fewer lines, and ended.
    """
    pid = os.fork()
    if pid == 0:
        try:
            sys.settrace(_killer(line, files))
            work()
        except BaseException:
            sys.settrace(None)
            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _killer(line, files):
    lines = itertools.count()

    def trace(frame, event, _):
        if frame.f_code.co_filename not in files:
            return None
        if event == "line" and next(lines) == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace
