"""Training, on torch: from files to a model file.

Read ``twin`` first (the network as differentiable formulas), then ``step`` and ``fused`` (the same by kernels),
``segments`` and ``mixture`` (what is read, and the loss), ``run`` (optimizers), ``states`` (what the memory begins
with), ``export`` and ``restore`` (to integers and back).  ``release`` makes a model from data by a ``recipe``; ``own``
and ``finetune`` make one from a user's files.
"""
