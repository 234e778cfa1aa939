"""A portability report as one HTML file that needs nothing else: no script, no font, no request."""

from functools import cache

import jinja2

from penstock.portability.model import Effect, Report, TargetReport
from penstock.web.documents.port_text import WORDS


def document(report: Report, title: str) -> str:
    """The page; everything that came out of the checked files is escaped."""
    return _template().render(report=report, title=title, words=WORDS, groups=groups)


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("penstock.web", "documents")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("port_report.html")


def groups(target: TargetReport) -> list[tuple[Effect, list[Effect]]]:
    """Effects by consequence and rule, the heaviest first; the first of each group speaks for it."""
    found: dict[tuple[int, str], list[Effect]] = {}
    for effect in target.effects:
        found.setdefault((-effect.consequence, effect.finding.rule), []).append(effect)
    return [(effects[0], effects) for _, effects in sorted(found.items())]
