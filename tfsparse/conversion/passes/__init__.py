"""The steps of a conversion, one a file, in the order in which `convert` takes them.

Products that are siblings, by one and the same input (Q, K, V), are not merged into one op. The
merged op reads its activations once and not three times, but its result has to be copied apart
(Split), and that costs more. Time of three ops over that of one op and a Split, for Q, K, V of BERT
mini (256) and BERT base (768), 4x1 at 90%, 1, 8 and 32 times 128 tokens, one thread:

    256: FP32 0.99, 0.79, 0.69; INT8 0.97, 0.82, 0.60
    768: FP32 1.01, 0.88, 0.91; INT8 0.98, 0.80, 0.73

Two threads lose as much; 1 to 32 rows gain 1.00 to 1.07, less than a conversion is worth. Without
the Split it would be 0.7 to 1.16: that is for an op of attention to gain, which reads Q, K and V
from one tensor.
"""
