"""What a module's weights were made into for speaking, kept with the module until one of them changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from typing import TypeVar

from torch import nn

Made = TypeVar("Made")


def kept_with(module: nn.Module, name: str, make: Callable[[], Made], *settings: Hashable) -> Made:
    """What `make` made of the module's weights, the last time unless they or the `settings` have changed since.

    `name`: an attribute of the module that is not of its state.
    """
    tensors = itertools.chain(module.parameters(), module.buffers())
    key = tuple((tensor.data_ptr(), tensor._version) for tensor in tensors), settings
    found = module.__dict__.get(name)
    if found is None or found[0] != key:
        found = module.__dict__[name] = key, make()
    made: Made = found[1]
    return made
