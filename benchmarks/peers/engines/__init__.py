"""One file for each engine, imported only in a worker of the environment that has it.

Each has `VERSION` and `load(case, precision, x, threads)`, which gives a function of no arguments
that runs the network once on `x` and returns something that NumPy reads as an array. What a
caller of that engine does for every batch is in the function, what is done once is not.
"""
