"""Imports TensorFlow without what it writes about itself while it is imported."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile


def import_quietly(module: str) -> None:
    """Imports a module; what is written to stderr meanwhile is shown only if that fails.

    TensorFlow writes before anybody can tell it not to, and not by way of Python, so the descriptor
    itself is led elsewhere.
    """
    if module in sys.modules:
        return
    with tempfile.TemporaryFile() as log:
        kept = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            importlib.import_module(module)
        except BaseException:
            log.seek(0)
            os.write(kept, log.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
