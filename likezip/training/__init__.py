"""Training, on torch: from files to a model file.

Read ``twin`` first (the network as differentiable formulas), then ``step`` and ``fused`` (the same by kernels),
``segments`` and ``mixture`` (the data and the loss), ``run`` (optimizers), ``states`` (the memory's trained start),
``export`` and ``restore`` (to integers and back).  ``release`` makes a model from data by a ``recipe``; ``own``
and ``finetune`` make one from a user's files.
"""
