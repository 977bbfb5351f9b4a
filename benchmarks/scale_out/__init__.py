"""What many workers make of a machine: Beam, Ray and Spark beside one process that saturates it.

    python -m benchmarks.scale_out --model bert --json scale.json

A model in INT8 runs over the same examples in every way. "one process" calls `tfsparse.load` on as
many threads as the machine has cores, and is what the others are measured by: frameworks add
processes, and what it takes to hand examples to them. Results are compared with those of the one
process, bit for bit.

Each way is measured between two runs of the one process, whose mean is what it is compared with:
the weather of a machine changes within minutes. Workers note when each batch began and ended, and
the rate is that of the time in which all of them had begun and none had ended. So the time that a
framework and a worker take to start is left out, and `starting s` shows it.

"us an example" is what a core spends on an example beside the model. It is a matter of the
framework and of the size of an example, so it weighs less the more a model computes. ``--model
idle`` shows it alone: that model does nothing, so no model can be served faster in that way. A
model that takes `t` us of a core by itself reaches about ``t / (t + us an example)`` of one
process.
"""
