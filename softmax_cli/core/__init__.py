"""Stable mathematics of logits and probabilities: arrays in, arrays out, numpy alone."""

import numpy as np

# Overflow, underflow and inf - inf are expected here: they lead to limits that are right.
np.seterr(all="ignore")
