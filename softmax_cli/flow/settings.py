"""What the command line says about a softmax and about a loss."""

from __future__ import annotations

from typing import NamedTuple

from softmax_cli.errors import UsageError


class SoftmaxSettings(NamedTuple):
    """How scores become probabilities.

    Attributes
    ----------
    temperature : float
        Divides the scores.
    alpha : float
        Of the entmax family: 1 is softmax, 2 sparsemax.
    log : bool
        Whether log-probabilities are shown.
    """

    temperature: float = 1.0
    alpha: float = 1.0
    log: bool = False

    def check(self) -> None:
        """Nothing: any of them goes with any other."""


class TruncationSettings(NamedTuple):
    """Which classes are cut.

    Attributes
    ----------
    top_k : int or None
    top_p, min_p : float or None
    temperature_first : bool
        Whether what `top_p` and `min_p` cut is judged after the temperature, not before.
    """

    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    temperature_first: bool = False

    @property
    def cuts(self) -> bool:
        """Whether anything may be cut."""
        return any(value is not None for value in (self.top_k, self.top_p, self.min_p))

    def check(self) -> None:
        """Refuse an order of nothing.

        Raises
        ------
        UsageError
            Nothing is cut.
        """
        if self.temperature_first and not self.cuts:
            raise UsageError("--temperature-first is about --top-k, --top-p and --min-p")


class SamplingSettings(NamedTuple):
    """What is drawn at random.

    Attributes
    ----------
    sample : int or None
        How many classes of each row.
    seed : int or None
        None for other draws each time.
    """

    sample: int | None = None
    seed: int | None = None

    def check(self) -> None:
        """Refuse a seed of nothing.

        Raises
        ------
        UsageError
            Nothing is drawn.
        """
        if self.seed is not None and self.sample is None:
            raise UsageError("--seed is about --sample, which draws")


class TargetSettings(NamedTuple):
    """What is true.

    Attributes
    ----------
    target : str or None
        For all rows: a class by name or index, or a distribution as a list.
    target_column : str or None
        The column of the input with each row's class.
    target_file : str or None
        A file with a class or a distribution for each row.
    ignore : str or None
        A label whose rows count for nothing.
    """

    target: str | None = None
    target_column: str | None = None
    target_file: str | None = None
    ignore: str | None = None

    def check(self) -> None:
        """Refuse more than one way to say what is true, and less.

        Raises
        ------
        UsageError
            There is not exactly one.
        """
        given = [self.target, self.target_column, self.target_file]
        if sum(value is not None for value in given) != 1:
            raise UsageError(
                "exactly one of --target, --target-column and --targets says what is true"
            )


class ObjectiveSettings(NamedTuple):
    """What a loss has beside cross-entropy.

    Attributes
    ----------
    weights, class_counts : str or None
        A number for each class, as a list.
    beta : float or None
        Of weights by effective numbers; None for inverse frequencies.
    label_smoothing, focal : float
    """

    weights: str | None = None
    class_counts: str | None = None
    beta: float | None = None
    label_smoothing: float = 0.0
    focal: float = 0.0

    def check(self) -> None:
        """Refuse weights of two kinds, and a beta without counts.

        Raises
        ------
        UsageError
            There are.
        """
        if self.weights is not None and self.class_counts is not None:
            raise UsageError("--weights and --class-counts exclude one another")
        if self.beta is not None and self.class_counts is None:
            raise UsageError("--beta is about --class-counts")
