"""A plan's report as one HTML file that needs nothing else: no script, no font, no request."""

from collections.abc import Mapping, Sequence

import msgspec
from markupsafe import Markup

from penstock.web.documents.ladder_words import Language
from penstock.web.documents.page import template
from penstock.web.documents.sections import Section

_FOOT: dict[Language, str] = {
    "en": "Amounts are net of value-added tax. M stands for a million. Claimed: somebody says so. Derived: computed "
    "from what is claimed. Measured: observed by instruments or books.",
    "zh": "金额均不含增值税。声称：有人这样说；推算：由声称值计算；实测：由仪器或账簿记录。",
}


class Picture(msgspec.Struct, frozen=True):
    """A drawing for a section, with what it shows."""

    svg: Markup
    caption: str

    @property
    def named(self) -> Markup:
        """The drawing with its caption as its name, for those who hear the page."""
        name = Markup('role="img" aria-label="{}"').format(self.caption)
        return Markup(self.svg.replace('role="img"', name, 1))  # noqa: S704 - both parts are escaped


def page(
    title: str,
    kicker: str,
    lede: str,
    sections: Sequence[Section],
    language: Language,
    pictures: Mapping[str, Sequence[Picture]] | None = None,
) -> str:
    """The page; whatever came from outside is escaped. `pictures` are by the title of their section."""
    return template("plan.html.jinja").render(
        title=title,
        kicker=kicker,
        lede=lede,
        sections=sections,
        pictures=pictures or {},
        lang="zh-CN" if language == "zh" else "en",
        foot=_FOOT[language],
    )
