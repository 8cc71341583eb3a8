"""Units of logarithms."""

from __future__ import annotations

from typing import Final

# What a logarithm to each base is measured in
UNITS: Final = {"e": "nats", "2": "bits", "10": "dits"}
