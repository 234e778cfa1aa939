"""The index page: what this centre has, and how to begin. It names no tenant."""

from collections import Counter
from importlib.metadata import version
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, select_autoescape

from penstock.app import fleet, opening, selling
from penstock.app.context import App
from penstock.base.money import format_amount


def _template(name: str) -> str:
    return (files("penstock.web") / "templates" / name).read_text(encoding="utf-8")


_ENVIRONMENT = Environment(loader=FunctionLoader(_template), autoescape=select_autoescape(default=True))


def render_index(app: App, accept_language: str) -> str:
    """The page in English, or in Chinese where the browser asks for it first."""
    chinese = accept_language.strip().lower().startswith("zh")
    devices = fleet.view(app).devices
    offers = [offer for offer in selling.list_offers(app) if offer.withdrawn_at is None]
    counts = Counter((device.model, str(device.state)) for device in devices)
    return _ENVIRONMENT.get_template("index.html.jinja").render(
        chinese=chinese,
        name=opening.centre_name(app),
        version=version("penstock"),
        counts=sorted((model, state, count) for (model, state), count in counts.items()),
        offers=[(o.model, format_amount(o.price_micros_per_card_hour), o.currency) for o in offers],
    )
