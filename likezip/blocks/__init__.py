"""One block of a file: how it is coded, and back.

Read ``codec`` first: it tries the ways to code a block on a sample, and codes and decodes it.  ``predictor`` gives the
probability of each bit, ``coder`` turns bits into words; ``x86_transform``, ``record_length`` and ``noise`` look at
the bytes beforehand, ``cost`` counts bits, ``block_header`` says how a block was coded.
"""
