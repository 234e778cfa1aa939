"""A portability report as one HTML file that needs nothing else: no script, no font, no request."""

from penstock.portability.model import Effect, Report, TargetReport
from penstock.portability.rules import rules
from penstock.web.documents import port_words
from penstock.web.documents.ladder_words import Language
from penstock.web.documents.page import template


def document(report: Report, title: str, language: Language = "en") -> str:
    """The page; everything that came out of the checked files is escaped."""
    return template("port.html.jinja").render(
        report=report,
        title=title,
        lang="zh-CN" if language == "zh" else "en",
        say=port_words.sentences(language),
        word=lambda code: port_words.word(code, language),
        why=lambda rule: port_words.why(rules()[rule], language),
        hazard=lambda effect: port_words.hazard(effect.finding.rule, effect.hazard, language),
        groups=groups,
    )


def groups(target: TargetReport) -> list[tuple[Effect, list[Effect]]]:
    """Effects by consequence and rule, the heaviest first; the first of each group speaks for it."""
    found: dict[tuple[int, str], list[Effect]] = {}
    for effect in target.effects:
        found.setdefault((-effect.consequence, effect.finding.rule), []).append(effect)
    return [(effects[0], effects) for _, effects in sorted(found.items())]
