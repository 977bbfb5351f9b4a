"""One file for each engine, imported only in a worker of the environment that has it.

What each has is said in `benchmarks.harness.worker`; `x` and the results are dicts by name.
"""
