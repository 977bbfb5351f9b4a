"""Times whole models beside other engines; `python -m benchmarks.models --help`."""
