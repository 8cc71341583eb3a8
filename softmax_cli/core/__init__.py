"""Stable mathematics of logits and probabilities: arrays in, arrays out, numpy alone."""
