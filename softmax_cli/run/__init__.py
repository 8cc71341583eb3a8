"""From chunks of input to output, in order, in one process or several."""
