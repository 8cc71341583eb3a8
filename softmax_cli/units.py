"""Units of logarithms: nats, bits and dits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from softmax_cli.core.arithmetic import Floats

# What a logarithm to each base is measured in.
UNITS: Final = {"e": "nats", "2": "bits", "10": "dits"}


def in_base(nats: Floats, base: str) -> Floats:
    """Numbers of nats in the unit of another base."""
    return nats if base == "e" else nats / math.log(float(base))
