"""The options of each command.

`check` raises `UsageError` for options that do not go together.
"""

from collections.abc import Container
from typing import Any, Final, NamedTuple

from softmax_cli.errors import UsageError

# The title of the numbers that are read, by --from
GIVEN: Final = {"logits": "logit", "probs": "given p", "logprobs": "given log p"}
# The unit of logarithms to each base
UNITS: Final = {"e": "nats", "2": "bits", "10": "dits"}
# The options of losses that read the scores of all classes
_OF_ALL_SCORES: Final = (
    *("kind", "temperature", "normalize", "weights", "class_counts", "beta"),
    *("label_smoothing", "focal", "top", "by_class"),
)


def check_apart(settings: Any, field: str, others: Container[str]) -> None:
    """Raise `UsageError` for a field that is given together with one of some others."""
    defaults = settings._field_defaults.items()
    given = [name for name, default in defaults if getattr(settings, name) != default]
    both = [name for name in given if name in others and name != field]
    if field in given and both:
        raise UsageError(f"{_option(field)} does not go with {_option(both[0])}")


def _option(field: str) -> str:
    name = {"kind": "from", "target_file": "targets"}.get(field, field)
    return "--" + name.replace("_", "-")


def check_temperature(temperature: float, kind: str) -> None:
    """Raise `UsageError` for the temperature 0, and for numbers that are not logits."""
    if temperature == 0:
        raise UsageError("--temperature must be greater than 0")
    if temperature != 1 and kind != "logits":
        raise UsageError("--temperature divides logits: give --from logits")


class SoftmaxSettings(NamedTuple):
    """The options of softmax; `kind` is what is read, `hierarchical` a list or a file of counts."""

    kind: str = "logits"
    normalize: bool = False
    temperature: float = 1.0
    alpha: float = 1.0
    hierarchical: str | None = None
    log: bool = False
    breakdown: bool = False
    top: int | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    temperature_first: bool = False
    sample: int | None = None
    seed: int | None = None

    @property
    def truncates(self) -> bool:
        """Whether classes may be truncated."""
        return any(value is not None for value in (self.top_k, self.top_p, self.min_p))

    def check(self) -> None:
        if self.temperature_first and not self.truncates:
            raise UsageError("--temperature-first needs --top-k, --top-p or --min-p")
        if self.seed is not None and self.sample is None:
            raise UsageError("--seed needs --sample")
        if self.breakdown and (self.log or self.sample is not None):
            raise UsageError("--breakdown does not go with --log or --sample")
        if self.top is not None and (self.breakdown or self.sample is not None):
            raise UsageError("--top does not go with --breakdown or --sample")
        if self.normalize and self.kind == "logits":
            raise UsageError("--normalize needs --from probs or --from logprobs")
        if self.alpha != 1 and self.kind != "logits":
            raise UsageError(f"--alpha takes logits: it does not go with --from {self.kind}")
        check_apart(self, "hierarchical", {*self._fields} - {"log", "top"})


class LossSettings(NamedTuple):
    """The options of xent: of the targets, the loss, the report, and losses of many classes.

    `kind` is what is read; with `tokens` numbers are their own targets. `hierarchical` and `noise`
    may be a list or a file.
    """

    target: str | None = None
    target_column: str | None = None
    target_file: str | None = None
    tokens: bool = False
    ignore: str | None = None
    kind: str = "logits"
    temperature: float = 1.0
    normalize: bool = False
    weights: str | None = None
    class_counts: str | None = None
    beta: float | None = None
    label_smoothing: float = 0.0
    focal: float = 0.0
    reduction: str = "none"
    base: str = "e"
    breakdown: bool = False
    gradient: bool = False
    top: int | None = None
    worst: int | None = None
    by_class: bool = False
    hierarchical: str | None = None
    negative: int | None = None
    sampled: int | None = None
    noise: str | None = None
    seed: int | None = None
    repeat: int | None = None

    @property
    def labels_only(self) -> str | None:
        """The option that needs labels as targets, if one is given."""
        fields = ("by_class", "hierarchical", "negative", "sampled", "ignore")
        given = (_option(field) for field in fields if getattr(self, field) not in (None, False))
        return next(given, None)

    def check(self) -> None:
        given = [self.target, self.target_column, self.target_file, self.tokens or None]
        ways = "of -t TARGET, --target-column COL, --targets FILE and --tokens"
        if given.count(None) == 4:
            raise UsageError(f"what is the true class? give one {ways}")
        if given.count(None) < 3:
            raise UsageError(f"give only one {ways}")
        check_temperature(self.temperature, self.kind)
        if self.weights is not None and self.class_counts is not None:
            raise UsageError("give --weights or --class-counts, not both")
        if self.beta is not None and self.class_counts is None:
            raise UsageError("--beta needs --class-counts")
        for field in ("breakdown", "worst", "by_class"):
            check_apart(self, field, ("reduction", "breakdown", "gradient", "worst", "by_class"))
        if self.gradient and self.reduction == "mean":
            hint = "divide each row's by the `weight_sum` of -f json --reduction mean"
            raise UsageError("--gradient does not go with --reduction mean", hint)
        if [self.hierarchical, self.negative, self.sampled].count(None) < 2:
            raise UsageError("give only one of --hierarchical, --negative and --sampled")
        for field in ("noise", "seed", "repeat"):
            if getattr(self, field) is not None and self.negative is None and self.sampled is None:
                raise UsageError(f"--{field} needs --negative or --sampled")
        kind = "kind" if self.kind == "logprobs" else ""
        allowed = {kind, "reduction", "base", "breakdown", "worst"}
        check_apart(self, "tokens", {*self._fields} - allowed)
        check_apart(self, "hierarchical", _OF_ALL_SCORES)
        check_apart(self, "negative", (*_OF_ALL_SCORES, "worst"))
        check_apart(self, "sampled", (*_OF_ALL_SCORES, "worst"))
        check_apart(self, "gradient", ("repeat",))


class DivergenceSettings(NamedTuple):
    """The options of kl; `against` is Q as a list or a file."""

    against: str | None = None
    divergence: str = "kl"
    kind: str = "probs"
    temperature: float = 1.0
    normalize: bool = False
    generalized: bool = False
    reduction: str = "none"
    base: str = "e"
    breakdown: bool = False

    def check(self) -> None:
        check_temperature(self.temperature, self.kind)
        if self.reduction != "none" and self.breakdown:
            raise UsageError("--breakdown shows rows, and --reduction one number for all")
        check_apart(self, "generalized", ("kind", "temperature", "normalize", "breakdown"))
