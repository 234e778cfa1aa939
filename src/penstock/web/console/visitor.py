"""Who looks at a page, and how they want to read it: language, time zone, theme."""

import hashlib
import hmac
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from penstock.app.tokens import authenticate
from penstock.base.refusal import Refused, forbidden
from penstock.lease.tenant import Principal, Scope
from penstock.web.given import GivenApp

type Language = Literal["en", "zh"]
type Theme = Literal["auto", "light", "dark"]

SESSION_COOKIE, LANGUAGE_COOKIE, ZONE_COOKIE, THEME_COOKIE = (
    "penstock_session",
    "penstock_language",
    "penstock_zone",
    "penstock_theme",
)
LANGUAGES: tuple[Language, ...] = ("en", "zh")
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
UTC = ZoneInfo("UTC")


class SignInNeeded(Exception):
    """The page is for those who have signed in; `back` is where they wanted to go."""

    def __init__(self, back: str) -> None:
        super().__init__(back)
        self.back = back


class Taste(msgspec.Struct, frozen=True, kw_only=True):
    """How a page is to be read, signed in or not."""

    language: Language
    zone: ZoneInfo
    theme: Theme


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in. `csrf` must come back with every form."""

    principal: Principal
    csrf: str
    taste: Taste

    @property
    def staff(self) -> bool:
        """Whether this is the centre's own staff, operators and auditors."""
        return self.principal.tenant is None

    @property
    def operator(self) -> bool:
        """Whether they may change the centre."""
        return self.principal.may(Scope.OPERATOR)

    def may(self, scope: str) -> bool:
        """Whether they have this scope in their own tenant, or everywhere."""
        return self.principal.may(Scope(scope), self.principal.tenant)


def taste_of(request: Request[Any, Any, Any]) -> Taste:
    """What the cookies say, else what the browser asks for, else English, UTC and the system's theme."""
    cookies = request.cookies
    language = cookies.get(LANGUAGE_COOKIE, "")
    if language not in LANGUAGES:
        asked = request.headers.get("accept-language", "").strip().lower()
        language = "zh" if asked.startswith("zh") else "en"
    theme = cookies.get(THEME_COOKIE, "")
    return Taste(
        language="zh" if language == "zh" else "en",
        zone=known_zone(cookies.get(ZONE_COOKIE, "")) or UTC,
        theme=next((one for one in THEMES if one == theme), "auto"),
    )


def known_zone(name: str) -> ZoneInfo | None:
    """The time zone of this name, where there is one."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def visitor_of(request: Request[Any, Any, Any], centre: GivenApp) -> Visitor:
    """The holder of the session's cookie; without one, the way to the sign-in page."""
    secret = request.cookies.get(SESSION_COOKIE, "")
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if not secret:
        raise SignInNeeded(back)
    try:
        principal = authenticate(centre, secret)
    except Refused as refused:
        raise SignInNeeded(back) from refused
    return Visitor(principal=principal, csrf=_csrf(secret), taste=taste_of(request))


def _csrf(secret: str) -> str:
    """Only who has the session's cookie can know it; the cookie cannot be read from it."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


async def form_of(request: Request[Any, Any, Any], visitor: "GivenVisitor") -> dict[str, str]:
    """The fields of a form that this console itself sent out; refused without its token."""
    fields = await request.form()
    given = request.headers.get("x-csrf", "") or str(fields.get("csrf", ""))
    if not hmac.compare_digest(given, visitor.csrf):
        raise Refused(forbidden("the form is not from this session", "load the page again and resend it"))
    return {name: value for name, value in fields.items() if isinstance(value, str) and name != "csrf"}


GivenVisitor = NamedDependency[SkipValidation[Visitor]]
GivenForm = NamedDependency[SkipValidation[dict[str, str]]]
