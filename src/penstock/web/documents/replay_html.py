"""The report of a rehearsal as one HTML file that needs nothing else: no script, no request."""

from penstock.base.money import Micros
from penstock.placement.rounds import Rounds
from penstock.sim.rehearsal import Rehearsal
from penstock.sim.replaying import ReplayReport
from penstock.web.documents import ladder_figures as figures
from penstock.web.documents.ladder_view import lines_with_time, rungs
from penstock.web.documents.ladder_words import LINE_WORDS, RUNG_WORDS, Language
from penstock.web.documents.page import template
from penstock.web.documents.replay_charts import allocation, queue
from penstock.web.documents.replay_words import HOW_WORDS, REASON_WORDS, replay_words
from penstock.web.documents.report_charts import stack


def render_replay(report: ReplayReport, language: Language) -> str:
    """The page in one language; whatever came from outside is escaped. Shown in full: the first run of each way."""
    return template("replay.html.jinja").render(
        report=report,
        lang="zh-CN" if language == "zh" else "en",
        words=replay_words(language),
        write=_Writer(report, language),
        shown=_first_of_each(report),
        rungs=rungs,
        lines=lines_with_time,
        stack=stack,
        allocation=allocation,
        queue=queue,
    )


def _first_of_each(report: ReplayReport) -> list[Rehearsal]:
    first: dict[str, Rehearsal] = {}
    for run in report.runs:
        first.setdefault(repr(run.how), run)
    return list(first.values())


class _Writer:
    """How figures and codes are written in one language."""

    def __init__(self, report: ReplayReport, language: Language) -> None:
        self._report, self._language = report, language

    def how(self, run: Rehearsal) -> str:
        """A way to choose in words."""
        how, said = run.how, []
        if isinstance(how, Rounds):
            said = [self._how(how.aim), self._how("rounds").format(seconds=how.round_s)]
        else:
            said = [how.policy, self._how(how.queue), self._how(how.passing)]
        aware = how.aware if isinstance(how, Rounds) else how.fastest
        return " · ".join(said if aware else [*said, self._how("blind")])

    def _how(self, code: str) -> str:
        return HOW_WORDS[code][self._language]

    def seconds(self, seconds: float) -> str:
        """A length in the unit that suits it."""
        for size, names in ((86_400, ("d", "天")), (3_600, ("h", "小时")), (60, ("min", "分"))):
            if seconds >= size:
                return f"{seconds / size:,.1f} {names[self._language == 'zh']}"
        return f"{seconds:.0f} {'秒' if self._language == 'zh' else 's'}"

    def share(self, part: int, whole: int) -> str:
        """A percentage."""
        return figures.share(part, whole, self._language)

    def hours(self, run: Rehearsal, card_us: int) -> str:
        """Card-hours."""
        return figures.hours(card_us, run.ladder.capacity_card_us)

    def money(self, micros: Micros) -> str:
        """An amount."""
        return figures.money(micros, self._report.currency, self._language)

    def rung(self, name: str) -> str:
        """A rung's name."""
        return RUNG_WORDS[name][self._language]

    def line(self, line: str) -> str:
        """A line's name."""
        return next(words for one, words in LINE_WORDS.items() if one == line)[self._language]

    def reason(self, code: str) -> str:
        """Why a job never ran."""
        return REASON_WORDS[code][self._language]

    def count(self, number: float) -> str:
        """A whole number."""
        return f"{number:,.0f}"

    def devices(self) -> str:
        """The fleet in a few words."""
        return ", ".join(f"{count:,} × {model}" for model, count in self._report.devices.items())
