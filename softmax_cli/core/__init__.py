"""Numerically stable functions of logits and probabilities, on numpy arrays."""

import numpy as np

# Overflow, underflow and inf - inf are expected, here and in results, and give correct limits.
np.seterr(all="ignore")
