"""The values of a check: findings with their guards, consequences and verdicts per target, patches."""

from enum import IntEnum, StrEnum

import msgspec


class Severity(StrEnum):
    """How the rule book classes a rule: done by a shim, to look at, to edit by hand, in the way."""

    AUTO = "auto"
    REVIEW = "review"
    MANUAL = "manual"
    BLOCKER = "blocker"


class Guard(StrEnum):
    """Why the code at a finding may never run; `none` where it runs with the program."""

    NONE = "none"
    TRY = "try"
    """In a `try` whose handler lets the program go on."""
    AVAILABILITY = "availability"
    """Behind a test of what the machine or the installation has."""
    OPTION = "option"
    """Behind a setting of the program."""
    IN_FUNCTION = "in_function"
    """An import inside a function that the module itself does not call."""
    TYPING = "type_checking"
    EXTRA = "extra"
    """An optional or development dependency."""
    DOCUMENTATION = "documentation"
    UNREACHED = "unreached"
    """In a file that no entry point imports."""
    DEAD = "dead"
    """After a return or a raise, or behind a test that is always false."""


class Consequence(IntEnum):
    """What a finding means on one target, from nothing to no way."""

    RUNS = 0
    IMPORT = 1
    """A shim of the vendor, loaded by one import, takes care."""
    CHECK = 2
    """Runs, but figures or settings are to be looked at."""
    EDIT = 3
    REWRITE = 4
    """Needs a kernel rewrite or a fork that a vendor keeps."""
    CANNOT = 5


class Verdict(StrEnum):
    """What a program needs on one target."""

    RUNS_AS_IS = "runs_as_is"
    ONE_IMPORT = "runs_with_one_import"
    EDITS = "needs_edits"
    REWRITE = "needs_kernel_rewrite_or_vendor_fork"
    CANNOT = "cannot"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place that a rule speaks of. Lines and columns count from 1, columns in characters.

    `variant` names a form of the rule that weighs otherwise: `own_string` (a comparison with a string that
    the program itself chose), `lists_others` (one that names other vendors' devices as well), `requirement`
    (a dependency declared), `flag` (a keyword), `import`. `subject`
    is the module imported or the distribution required.
    """

    rule: str
    path: str
    line: int
    column: int
    guard: Guard = Guard.NONE
    evidence: str = ""
    variant: str = ""
    subject: str = ""


class Skipped(msgspec.Struct, frozen=True):
    """A file, or a part of the input, that was not analysed."""

    path: str
    reason: str


class Effect(msgspec.Struct, frozen=True):
    """A finding seen from one target. `hazard` is what goes wrong without any error, '' where nothing does."""

    finding: Finding
    severity: Severity
    consequence: Consequence
    remedy: str
    hazard: str = ""


class Effort(msgspec.Struct, frozen=True):
    """Working days of one engineer; our judgement, from the days that the rule book gives each rule."""

    low_days: float
    high_days: float


class TargetReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one target.

    `verdict` is about code that runs with the program; `verdict_with_guarded` is about all of it, as if every
    `try`, test and option led into the guarded code. `shim` is the one import, '' where none is needed.
    """

    target: str
    name: str
    stack: str
    verdict: Verdict
    verdict_with_guarded: Verdict
    effort: Effort
    shim: str
    effects: tuple[Effect, ...]
    counts: dict[str, int]
    """Unguarded findings by severity, and `guarded`."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Rule ids behind the verdict: the unguarded ones that weigh most."""
        active = [e for e in self.effects if e.finding.guard is Guard.NONE]
        worst = max((e.consequence for e in active if e.consequence is not Consequence.CHECK), default=None)
        return tuple(sorted({e.finding.rule for e in active if e.consequence == worst}))


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that a check says."""

    findings: tuple[Finding, ...]
    targets: tuple[TargetReport, ...]
    entries: tuple[str, ...]
    """Paths that the program is taken to start from."""
    files_read: int
    files_unreached: int
    skipped: tuple[Skipped, ...] = ()


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to check: entry points by path (found by themselves if empty), rules and path patterns left out."""

    entries: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """One edit of a patch."""

    rule: str
    path: str
    line: int
    before: str
    after: str


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """A unified diff (for `git apply` or `patch -p1`), the new contents by path, and what was edited."""

    diff: str
    files: dict[str, bytes]
    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...] = ()
