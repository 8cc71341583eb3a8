"""A calculator for logits and probabilities, for the shell."""
