"""The prior: a network trained beforehand, computed in exact integers.

Read ``network`` first (its tensors and their bounds), then ``ngrams`` (which embeddings stand for the bytes before),
``byte_products`` (matrix products by the processor's own instructions), ``fixed_point`` (normalisation, frequencies,
the choice of products), ``forward`` (the network itself) and ``parallel`` (how threads share it: in ``lockstep`` step
by step, in a ``pipeline`` where bytes are known).
"""
