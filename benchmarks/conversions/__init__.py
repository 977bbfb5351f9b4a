"""Converts many kinds of models; `python -m benchmarks.conversions --help`."""
