"""What peers read: one file for each form, run once for a case in the environment that has it.

Each calls `benchmarks.harness.child.answer` with a function of ``{"folder": DIR}``, and writes its
files into that folder, the folder of a `benchmarks.models.case`.
"""
