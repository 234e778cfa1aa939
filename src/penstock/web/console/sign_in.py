"""Sign-in with a token or the admin password, sign-out, and how a visitor likes to read."""

from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect

from penstock.app import opening, passwords, tokens
from penstock.base.refusal import Refused
from penstock.web.console.pages import bare_page
from penstock.web.console.visitor import (
    LANGUAGE_COOKIE,
    LANGUAGES,
    SESSION_COOKIE,
    THEME_COOKIE,
    THEMES,
    ZONE_COOKIE,
    GivenForm,
    GivenVisitor,
    known_zone,
    taste_of,
)
from penstock.web.given import GivenApp

HOME = "/overview"
YEAR_S = 366 * 86_400


@get("/sign-in", sync_to_thread=True)
def sign_in_page(
    centre: GivenApp, request: Request[Any, Any, Any], back: FromQuery[str] = HOME
) -> Response[str]:
    """Where to sign in, and how to get a token the first time."""
    return _form(centre, request, local_path(back))


def _form(
    centre: GivenApp, request: Request[Any, Any, Any], back: str, refused: Refused | None = None
) -> Response[str]:
    return bare_page(
        "sign_in",
        taste_of(request),
        status=refused.refusals[0].status if refused else 200,
        back=back,
        name=opening.centre_name(centre),
        has_password=passwords.has_password(centre),
        refused=refused.refusals if refused else (),
    )


@post("/sign-in", sync_to_thread=True, middleware=[RateLimitConfig(("minute", 20)).middleware])
def sign_in(
    centre: GivenApp, request: Request[Any, Any, Any], data: URLEncodedBody[dict[str, str]]
) -> Response[Any]:
    """A session for a token or for the admin password; at most twenty tries a minute."""
    back = local_path(data.get("back", HOME))
    secret = data.get("secret", "").strip()
    try:
        issued = (
            tokens.open_session(centre, secret)
            if secret.startswith("pst_")
            else passwords.sign_in(centre, secret)
        )
    except Refused as refused:
        return _form(centre, request, back, refused)
    cookie = Cookie(
        key=SESSION_COOKIE,
        value=issued.secret,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )
    return Redirect(back, status_code=303, cookies=[cookie])


@post("/sign-out", sync_to_thread=True, status_code=303)
def sign_out(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Redirect:  # noqa: ARG001
    """End the session here and on the server."""
    tokens.end_session(centre, visitor.principal)
    gone = Cookie(key=SESSION_COOKIE, value="", max_age=0, path="/", httponly=True, samesite="strict")
    return Redirect("/sign-in", status_code=303, cookies=[gone])


@post("/taste", sync_to_thread=False, status_code=303)
def set_taste(data: URLEncodedBody[dict[str, str]]) -> Redirect:
    """Keep language, time zone or theme in a cookie: not a secret, nothing is written here."""
    chosen = {
        LANGUAGE_COOKIE: next((one for one in LANGUAGES if one == data.get("language")), None),
        THEME_COOKIE: next((one for one in THEMES if one == data.get("theme")), None),
        ZONE_COOKIE: data["zone"] if known_zone(data.get("zone", "")) else None,
    }
    cookies = [
        Cookie(key=key, value=value, max_age=YEAR_S, path="/", samesite="lax")
        for key, value in chosen.items()
        if value is not None
    ]
    return Redirect(local_path(data.get("back", HOME)), status_code=303, cookies=cookies)


def local_path(back: str) -> str:
    """The path if it leads into this console, else home: a sign-in never sends anyone to another site."""
    parts = urlsplit(back)
    inside = (
        back.startswith("/") and not back.startswith(("//", "/\\")) and not (parts.scheme or parts.netloc)
    )
    return back if inside and back.isprintable() else HOME


ROUTER = Router("/", route_handlers=[sign_in_page, sign_in, sign_out, set_taste], include_in_schema=False)
