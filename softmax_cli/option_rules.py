"""The options of each command.

`check` raises `UsageError` for options that do not go together.
"""

from typing import Any, Final, NamedTuple

from softmax_cli.errors import UsageError

# The title of the numbers that are read, by --from
GIVEN: Final = {"logits": "logit", "probs": "given p", "logprobs": "given log p"}
# The unit of logarithms to each base
UNITS: Final = {"e": "nats", "2": "bits", "10": "dits"}


def check_alone(option: str, allowed: str, *groups: Any) -> None:
    """Raise `UsageError` for an option of the groups of settings that is given but not allowed.

    `allowed` are the names of fields, `option` is the one that others do not go with.
    """
    for settings in groups:
        for field, default in settings._field_defaults.items():
            if getattr(settings, field) != default and field not in allowed.split():
                other = {"kind": "from", "target_file": "targets"}.get(field, field)
                raise UsageError(f"{option} does not go with --{other.replace('_', '-')}")


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
        if self.hierarchical is not None:
            check_alone("--hierarchical", "hierarchical log top", self)


class TargetSettings(NamedTuple):
    """The targets: one for all rows, a column or a file, or with `tokens` the numbers' own."""

    target: str | None = None
    target_column: str | None = None
    target_file: str | None = None
    ignore: str | None = None
    tokens: bool = False

    def check(self) -> None:
        given = [self.target, self.target_column, self.target_file, self.tokens or None]
        if given.count(None) != 3:
            ways = "-t TARGET, --target-column COL, --targets FILE and --tokens"
            raise UsageError(f"what is the true class? give one of {ways}")


class LossSettings(NamedTuple):
    """The form of the predictions, and the options of a loss other than cross-entropy."""

    kind: str = "logits"
    temperature: float = 1.0
    normalize: bool = False
    weights: str | None = None
    class_counts: str | None = None
    beta: float | None = None
    label_smoothing: float = 0.0
    focal: float = 0.0

    def check(self) -> None:
        check_temperature(self.temperature, self.kind)
        if self.weights is not None and self.class_counts is not None:
            raise UsageError("give --weights or --class-counts, not both")
        if self.beta is not None and self.class_counts is None:
            raise UsageError("--beta needs --class-counts")


class ReportSettings(NamedTuple):
    """The options of the report on the losses."""

    reduction: str = "none"
    base: str = "e"
    breakdown: bool = False
    gradient: bool = False
    top: int | None = None
    worst: int | None = None
    by_class: bool = False

    def check(self) -> None:
        for field in ("breakdown", "worst", "by_class"):
            if getattr(self, field):
                check_alone("--" + field.replace("_", "-"), f"{field} base top", self)
        if self.gradient and self.reduction == "mean":
            hint = "divide each row's by the `weight_sum` of -f json --reduction mean"
            raise UsageError("--gradient does not go with --reduction mean", hint)


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
        if self.generalized:
            check_alone("--generalized", "generalized against divergence reduction base", self)


class ManySettings(NamedTuple):
    """The methods to compute a loss without reading all scores; `noise` may be a list or a file."""

    hierarchical: str | None = None
    negative: int | None = None
    sampled: int | None = None
    noise: str | None = None
    seed: int | None = None
    repeat: int | None = None

    @property
    def method(self) -> str | None:
        """The option of the method, if one is given."""
        names = ("hierarchical", "negative", "sampled")
        return next((f"--{name}" for name in names if getattr(self, name) is not None), None)

    def check(self) -> None:
        if [self.hierarchical, self.negative, self.sampled].count(None) < 2:
            raise UsageError("give only one of --hierarchical, --negative and --sampled")
        for name in ("noise", "seed", "repeat"):
            if getattr(self, name) is not None and self.negative is None and self.sampled is None:
                raise UsageError(f"--{name} needs --negative or --sampled")

    def check_others(self, loss: LossSettings, report: ReportSettings) -> None:
        """Raise `UsageError` for other options that do not go with the method."""
        worst = "" if self.hierarchical is None else "worst"
        check_alone(str(self.method), f"reduction base breakdown gradient {worst}", loss, report)
        if report.gradient and self.repeat is not None:
            raise UsageError("--gradient does not go with --repeat")
