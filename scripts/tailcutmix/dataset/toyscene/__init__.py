"""Drawing of ToyCity's street scenes; :mod:`tailcutmix.dataset.toycity` writes them as a data set."""
