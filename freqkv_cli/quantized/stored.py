"""The numbers of a tensor as compiled code takes them (floats.py); it needs no compiler itself."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def as_stored(tensor: Tensor) -> NDArray[Any]:
    """The numbers of a tensor, not copied; those in bfloat16 as uint16."""
    tensor = tensor.detach()
    array: NDArray[Any] = (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array
