"""Times exported models beside other engines; `python -m benchmarks.peers --help`."""
