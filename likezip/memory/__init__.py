"""The memory: what adapts to the block while it is coded, in integers.

Read ``bit_history`` first, then ``registers`` (what a lane knows at a byte boundary; ``x86_state`` adds where it is in
an instruction), ``profiles`` (which contexts a block has), ``hash_table`` (their bit histories), ``match_models``,
``mixer`` (how all are weighed, and the adaptive probability maps) and ``trained_state`` (what these begin with).
"""
