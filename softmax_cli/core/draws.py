"""Classes drawn at random from distributions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_cli.core.arithmetic import Floats


def draw(probabilities: Floats, uniforms: Floats, /) -> NDArray[np.intp]:
    """Classes by inversion of each row's cumulative distribution.

    Parameters
    ----------
    probabilities : array, shape (rows, classes)
    uniforms : array, shape (rows, draws)
        From [0, 1), one for each draw.

    Returns
    -------
    array, shape (rows, draws)
        Indices of classes; never one of probability 0.
    """
    cumulative = np.cumsum(probabilities, axis=1)
    total = cumulative[:, -1:]
    # The first class whose cumulative probability is above: there is one, also where u rounds up.
    wanted = np.minimum(uniforms * total, np.nextafter(total, 0))
    low = np.zeros(wanted.shape, dtype=np.intp)
    high = np.full(wanted.shape, probabilities.shape[1] - 1, dtype=np.intp)
    for _ in range(probabilities.shape[1].bit_length()):
        middle = (low + high) // 2
        above = np.take_along_axis(cumulative, middle, axis=1) > wanted
        high = np.where(above, middle, high)
        low = np.where(above, low, np.minimum(middle + 1, high))
    return low
