"""Measurements, each a script; and timings in turns, so that a busy machine troubles all alike."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping


def medians(methods: Mapping[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """Median seconds of each method, each called once a round after one round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for turn in range(rounds + 1):
        for name, method in methods.items():
            gc.collect()
            start = time.perf_counter()
            method()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}
