"""A whole DLRM: train, prune, convert, serve; see `python -m examples.dlrm --help`."""
