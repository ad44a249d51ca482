"""One architecture per module, found by the module's name: ``architecture: unet`` is ``architectures/unet.py``.

Each has a function ``build(network, num_classes)``: a network of random weights, of a class that extends
:class:`~tailcutmix.models.multiscale.MultiScaleNet`, or a UserError that names the key that fits none. What a run must
know of it before torch is imported stands in :mod:`tailcutmix.plan.architectures`.
"""
