"""Functions for a child of a test: adds one, or goes wrong in the way that is asked for."""

import os

from benchmarks.harness import child


def answer(request):
    print("a library that prints to standard output", flush=True)
    how = request.get("how")
    if how == "fails":
        raise ValueError("first line\nsecond line")
    if how == "dies":
        os.write(2, b"out of luck\n")
        os._exit(5)
    if how == "grows":
        held = []
        while True:
            held.append(bytearray(os.urandom(1 << 20)) * 16)
    return {"one more": request["number"] + 1}


if __name__ == "__main__":
    child.answer(answer)
