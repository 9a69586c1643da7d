"""Many small records of one kind, each coded by itself behind records that were learnt before.

From the bottom to the top: ``byte_coder`` (decisions to bytes), ``ends`` (where a record ends), ``units`` (the model
behind a context, which codes do not change), ``codec`` (what a user has).
"""
