"""How the command ends; a script tells the cases apart by these."""

OK = 0
ERROR = 1
"""Something that should not happen; ``--debug`` shows where."""
USAGE = 2
"""The command line is wrong."""
REFUSED = 3
"""A file is missing, is no model, or cannot be treated as was asked."""
DIFFERENT = 4
"""Results differ more, or are slower, than they may."""
ENVIRONMENT = 5
"""The machine or the installation has to be repaired first; `tfsparse doctor` says how."""
INTERRUPTED = 130
"""Ctrl-C."""

MEANINGS = {
    OK: "done",
    ERROR: "an error in tfsparse or TensorFlow",
    USAGE: "the command line is wrong",
    REFUSED: "a file is missing, is no model, or cannot be treated as asked",
    DIFFERENT: "results differ more, or are slower, than they may",
    ENVIRONMENT: "the installation or the machine has to be repaired",
    INTERRUPTED: "Ctrl-C",
}
