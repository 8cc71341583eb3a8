"""Units of logarithms: nats, bits and dits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from softmax_cli.core.doubledouble import Floats

# What a logarithm to each base is measured in.
UNITS: Final = {"e": "nats", "2": "bits", "10": "dits"}


def in_base(nats: Floats, base: str) -> Floats:
    """Numbers of nats in the unit of another base."""
    from softmax_cli.core.doubledouble import DoubleDouble, Scaled, quiet

    with quiet():
        return Scaled(DoubleDouble(nats)).in_base(base)
