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
    hierarchical : str or None
        The counts of classes, as typed, whose tree's nodes the scores are of; None for scores of
        classes.
    log : bool
        Whether log-probabilities are shown.
    """

    temperature: float = 1.0
    alpha: float = 1.0
    hierarchical: str | None = None
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


class ReportSettings(NamedTuple):
    """What is told of the losses.

    Attributes
    ----------
    reduction : str
        'none', 'mean' or 'sum'.
    base : str
        'e', '2' or '10', of every logarithm.
    breakdown, gradient : bool
    worst : int or None
        How many rows with the largest loss.
    """

    reduction: str = "none"
    base: str = "e"
    breakdown: bool = False
    gradient: bool = False
    worst: int | None = None

    def check(self) -> None:
        """Refuse what excludes one another.

        Raises
        ------
        UsageError
        """
        if sum([self.breakdown, self.gradient, self.worst is not None]) > 1:
            raise UsageError("--breakdown, --gradient and --worst exclude one another")
        if self.reduction != "none" and (self.breakdown or self.worst is not None):
            raise UsageError("--breakdown and --worst show rows, --reduction leaves none")


class ManySettings(NamedTuple):
    """How a loss of many classes is had without reading all of them.

    Attributes
    ----------
    hierarchical : str or None
        The classes' counts, as a list or a file, that a Huffman tree is built from.
    negative, sampled : int or None
        How many classes are drawn for an estimate of either kind.
    noise : str or None
        What they are drawn from: 'uniform', 'log-uniform', or counts as a list or a file.
    seed : int or None
    repeat : int or None
        How many estimates there are of each row.
    """

    hierarchical: str | None = None
    negative: int | None = None
    sampled: int | None = None
    noise: str | None = None
    seed: int | None = None
    repeat: int | None = None

    @property
    def method(self) -> str | None:
        """The option that says how, if there is one."""
        for name in ("hierarchical", "negative", "sampled"):
            if getattr(self, name) is not None:
                return f"--{name}"
        return None

    def check(self) -> None:
        """Refuse more than one method, and what is about draws where there are none.

        Raises
        ------
        UsageError
        """
        methods = [self.hierarchical, self.negative, self.sampled]
        if sum(method is not None for method in methods) > 1:
            raise UsageError("--hierarchical, --negative and --sampled exclude one another")
        if self.negative is None and self.sampled is None:
            for name in ("noise", "seed", "repeat"):
                if getattr(self, name) is not None:
                    raise UsageError(f"--{name} is about the draws of --negative and --sampled")

    def check_company(
        self, terms: ObjectiveSettings, report: ReportSettings, kind: str, *, normalize: bool
    ) -> None:
        """Refuse what a method leaves no place for.

        Raises
        ------
        UsageError
        """
        if kind != "logits" or normalize:
            raise UsageError(f"{self.method} reads scores: no --from, no --normalize")
        if terms != ObjectiveSettings():
            raise UsageError(
                f"{self.method} is a loss of its own: no weights, --label-smoothing or --focal"
            )
        if report.worst is not None and self.hierarchical is None:
            raise UsageError(f"--worst ranks losses, and {self.method} makes estimates")
        if report.gradient and self.repeat is not None:
            raise UsageError("--gradient is that of one estimate, --repeat makes many")
