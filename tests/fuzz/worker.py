"""A process that tries what a random seed says, one try after another; `workers` is its other end.

Reads a try a line and writes an outcome a line, both JSON:

    {"kind": "serve", "models": DIR, "seed": 7}  ->  {"outcome": "refused", "detail": "..."}

A seed says the same in every process. Whatever ends the process is a finding, and so is an outcome
of ``"broken"``: a law that does not hold, such as an error of a kind that tells a user nothing.
"""

import json
import os
import sys
import traceback
from pathlib import Path

MOST_DETAIL = 300


def kinds():
    """Kind of a try to a function of the folder of models and a seed."""
    from tests.fuzz import converting, serving

    return {
        "serve": serving.try_seed,
        "convert": converting.try_seed,
        "mutated": converting.try_mutated,
    }


def main(functions):
    # Answers have a descriptor of their own; whatever a library prints goes to standard error.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        print(json.dumps({"outcome": "ready"}), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(_run(functions, json.loads(line))), file=answers, flush=True)


def _run(functions, job):
    try:
        outcome, detail = functions[job["kind"]](Path(job["models"]), job["seed"])
    except Exception:
        return {"outcome": "broken", "detail": traceback.format_exc()[-4 * MOST_DETAIL :]}
    return {"outcome": outcome, "detail": detail[:MOST_DETAIL]}


if __name__ == "__main__":
    main(kinds())
