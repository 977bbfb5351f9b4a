"""What holds for every test: a process that a test starts sees the checkout too."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Without this a child process would import the wheel that `make demo` has installed,
# or nothing at all.
os.environ["PYTHONPATH"] = str(ROOT)
