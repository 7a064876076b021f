"""What the names in a public state dict tell, whichever network it is of."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch


def layer_count(tensors: Mapping[str, torch.Tensor], pattern: str) -> int:
    """How many layers the names number. Raises ValueError where one is missing: a number alone may be any."""
    numbers = {int(found[1]) for name in tensors if (found := re.match(pattern, name))}
    if numbers != set(range(len(numbers))) or not numbers:
        raise ValueError(f"layers {sorted(numbers)[:8]} are there")
    return len(numbers)
