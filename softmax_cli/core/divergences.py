"""Kullback-Leibler divergence and related ones, never negative, and exactly 0 for equal P and Q.

With d = log(p / q), the sum of p (d + expm1(-d)) = p d - p + q is KL(P || Q), since P and Q both
sum to 1. None of its terms is negative, and a common error of all d cancels to first order, so
that the result is accurate for P and Q that are as close as floats can be. Internal arrays have
the shape (classes, rows); results are in nats, or in the unit of base '2' or '10'.
"""

import math
from typing import Final

import numpy as np

from softmax_cli.core.doubledouble import Bools, DoubleDouble, Floats, fold_sum, where
from softmax_cli.core.elementary import in_base, log
from softmax_cli.core.probabilities import Distribution, Masses, Smoothed
from softmax_cli.core.softmax import Logits

# Up to this size of log(p / q) series are used. Coefficients are listed from the highest power
# down, for np.polyval.
_NEAR: Final = 1 / 16
# (-1)**n / n! for n = ..., 4, 3: d + expm1(-d) without its first term.
_KL_SERIES: Final = [(-1) ** n / math.factorial(n) for n in range(15, 2, -1)]
# 1 / (2n (2n - 1)) for n = ..., 3, 2: Jensen-Shannon in s = (p - q) / (p + q).
_JS_SERIES: Final = [1 / (2 * n * (2 * n - 1)) for n in range(8, 1, -1)]
# tanh(x) without its first term, by powers of x**2.
_TANH_SERIES: Final = [-1382 / 155925, 62 / 2835, -17 / 315, 2 / 15, -1 / 3]
# Products of larger double-doubles may overflow.
_VAST: Final = 2.0**900
# If the sum of |p - q| is less, the common error of the ratios is removed.
_AGREE: Final = 2.0**-20


def kl_divergence(p: Distribution, q: Distribution, /, *, base: str = "e") -> Floats:
    """Return KL(P || Q), shape (rows,); inf where q is 0 and p is not.

    For `Masses` it is the sum of p log(p / q) - p + q.
    """
    return in_base(_kl(p, q, _log_ratios(p, q)), base)


def jeffreys(p: Distribution, q: Distribution, /, *, base: str = "e") -> Floats:
    """Return KL(P || Q) + KL(Q || P), shape (rows,)."""
    ratios = _log_ratios(p, q)
    return in_base(_kl(p, q, ratios) + _kl(q, p, -ratios), base)


def jensen_shannon(p: Distribution, q: Distribution, /, *, base: str = "e") -> Floats:
    """Return the mean of KL(P || M) and KL(Q || M), M = (P + Q) / 2, shape (rows,).

    With s = (p - q) / (p + q) it is the sum of (p + q) / 2 times
    ((1 + s) log(1 + s) + (1 - s) log(1 - s)) / 2, which is s**2 / 2 + s**4 / 12 + ...
    """
    ratios = _log_ratios(p, q)
    near = np.abs(ratios.high) <= _NEAR
    x = where(near, ratios, 0.0).times_power(-1)
    s = x + x.high**3 * np.polyval(_TANH_SERIES, x.high**2)
    square = s * s
    series = square.times_power(-1) + square.high**2 * np.polyval(_JS_SERIES, square.high)
    a, b, exponent = p.probability.aligned(q.probability)
    total = a + b
    far = (_x_log_x(a.times_power(1) / total) + _x_log_x(b.times_power(1) / total)) * 0.5
    terms = (total.times_power(-1) * where(near, series, far)).scaled(exponent)
    return in_base(where(total.high == 0, 0.0, terms).sum(), base)


def _x_log_x(x: DoubleDouble) -> DoubleDouble:
    return where(x.high > 0, x * log(where(x.high > 0, x, 1.0)), 0.0)


def impossible(p: Distribution, q: Distribution, /) -> Bools:
    """Return the classes of probability 0 in Q alone, (rows, classes): they make KL(P || Q) inf."""
    return q.masked & ~p.masked


def kl_terms(p: Distribution, q: Distribution, /, *, base: str = "e") -> Floats:
    """Return p log(p / q) of each class, shape (rows, classes), which may be negative.

    For masses it is p log(p / q) - p + q, which is never negative.
    """
    ratios = _log_ratios(p, q)
    if isinstance(p, Masses):
        terms = _terms(p, q, ratios)
    else:
        finite = where(np.isfinite(ratios.high), ratios, 0.0)
        terms = p.probability * finite.normal()
    return np.where(impossible(p, q), np.inf, in_base(terms, base).T)


def _kl(p: Distribution, q: Distribution, ratios: DoubleDouble) -> DoubleDouble:
    total = _terms(p, q, ratios).sum()
    vast = (ratios.high > _VAST) & ~q.masked.T
    if vast.any():  # log(p / q) may overflow where p log(p / q) does not
        surprisal = where(vast, q.surprisal, 0.0)
        total = total + (p.probability * surprisal.normal()).sum()
    return where(np.any(impossible(p, q), axis=1), np.inf, total)


def _terms(p: Distribution, q: Distribution, ratios: DoubleDouble) -> DoubleDouble:
    """Return p d - p + q of each class, without p d where d is above `_VAST`."""
    near = np.abs(ratios.high) <= _NEAR
    x = where(near, ratios, 0.0)
    square = x * x
    series = square.times_power(-1) + x.high * square.high * np.polyval(_KL_SERIES, x.high)
    a, b, exponent = p.probability.aligned(q.probability)
    finite = where(np.abs(ratios.high) <= _VAST, ratios, 0.0)
    return where(near, a * series, a * (finite - 1.0) + b).scaled(exponent)


def _log_ratios(p: Distribution, q: Distribution) -> DoubleDouble:
    """Return log(p / q) in nats; 0 where both are 0, inf where it overflows."""
    both = p.masked.T & q.masked.T
    ratios = q.surprisal.plain() - p.surprisal.plain()
    ratios = where(both, 0.0, where(np.isnan(ratios.high), np.inf, ratios))
    a = p.probability.rounded()
    if isinstance(p, Logits) and isinstance(q, Logits) and p.temperature == q.temperature == 1:
        differences = where(both, 0.0, p.shifted - q.shifted)
        return _centred(a, (q.mass / p.total).rounded(), differences, ratios)
    b = q.probability.rounded()
    if isinstance(p, Logits) or isinstance(q, Logits):
        ratios = _centred(a, b, ratios, ratios)
    same = isinstance(p, Smoothed) & ~ratios.high.any(axis=0)  # as far as double-doubles tell
    if (close := same | _too_close(a, b, ratios.high)).any():
        from softmax_cli.core.decimals import refined  # rarely needed

        ratios[:, close] = refined(p, q, close, ratios[:, close])
    return ratios


def _too_close(p: Floats, q: Floats, ratios: Floats) -> Bools:
    """Return the rows whose KL(P || Q) the errors of the ratios, up to 2**-96, may change.

    They change it by 2**-96 times the sum of the changes from P to Q at most. KL(P || Q) itself is
    about half the sum of their products with the ratios.
    """
    sizes = np.minimum(np.abs(ratios), 0.5)
    changes = np.where(sizes < 0.5, p * sizes, np.abs(p - q))
    return np.greater(fold_sum(changes).high, 2.0**40 * fold_sum(changes * sizes).high)


def _centred(p: Floats, q: Floats, start: DoubleDouble, ratios: DoubleDouble) -> DoubleDouble:
    """Return `start` plus a constant per row where P and Q nearly agree, the ratios elsewhere.

    The constant makes the sum of q = p exp(-d) equal to that of p.
    """
    small = np.abs(start.high) < 1
    growth = np.expm1(np.where(small, -start.high, 0.0))
    changes = np.where(small, p * growth, q - p)
    shift = np.log1p(fold_sum(changes).high)
    return where(fold_sum(np.abs(changes)).high < _AGREE, start + shift, ratios)
