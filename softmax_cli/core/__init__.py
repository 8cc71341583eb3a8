"""Stable mathematics of logits and probabilities: arrays in, arrays out, numpy alone."""

import numpy as np

# Overflow, underflow and inf - inf are expected here, and give correct limits.
np.seterr(all="ignore")
