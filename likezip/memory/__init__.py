"""The memory: the part of the model that adapts to the block while it is coded, in integers.

Read ``bit_history`` first, then ``registers`` (a lane's knowledge at a byte boundary; ``x86_state`` adds its place in
an instruction), ``profiles`` (the contexts of a block), ``hash_table`` (their bit histories), ``match_models``,
``mixer`` (how all predictions are weighed, and the adaptive probability maps), ``correction`` (a small network over the
histories, the last stage) and ``trained_state`` (all that is adaptive).
"""
