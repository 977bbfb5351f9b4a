"""A worker of tries that end as no try should, to see that `workers` notices."""

import os
import signal
import time

from tests.fuzz.worker import main


def crash(folder, seed):
    os.write(2, b"the last words\n")
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(folder, seed):
    os._exit(3)


def hang(folder, seed):
    time.sleep(1000)


def grow(folder, seed):
    kept = []
    while True:
        kept.append(bytearray(b"x" * (1 << 24)))


def raise_error(folder, seed):
    raise KeyError("nobody knows why")


def answer(folder, seed):
    return "answered", f"{seed} in {os.getpid()}"


def environment(folder, seed):
    return "answered", os.environ["WORD"]


if __name__ == "__main__":
    main(
        {
            function.__name__: function
            for function in (crash, leave, hang, grow, raise_error, answer, environment)
        }
    )
