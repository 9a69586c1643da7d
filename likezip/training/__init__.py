"""Training, on torch: from files to a model file.

Read ``twin`` first (the network as differentiable formulas), then ``step`` and ``fused`` (the same by kernels),
``data`` and ``segments`` (what is read), ``mixture`` (the loss), ``run`` (optimizers), ``held`` (what is measured),
``states`` (the memory's trained states), ``export`` and ``restore`` (to integers and back).  ``release`` makes a model
from data by a ``recipe``; ``own`` and ``finetune`` make one from a user's files.  ``grow`` makes a network larger,
``curve`` draws a run, ``evaluate`` measures a model.
"""
