"""A centre with two tenants that have everything, and a browser-like client that is signed in."""

import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from served import Served, job, open_tenant

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
"""Stored wherever a name or a text is kept; it must never become an element."""


class Page(HTMLParser):
    """The links, forms, texts and elements of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.links: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        self._open.append(tag)
        if tag == "a" and given.get("href", "").startswith(("/", "?")):
            self.links.append(given["href"])
        if tag == "form":
            self.forms.append({"": given.get("action", ""), "method": given.get("method", "get")})
        if tag in ("input", "select", "textarea") and self.forms and "name" in given:
            self.forms[-1][given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not {"script", "style", "pre", "code", "textarea"} & set(self._open):
            self.texts.append(data.strip())


class Visit:
    """Signed in with one token."""

    def __init__(self, one: Served, token: str, language: str = "en") -> None:
        self.http = httpx.Client(base_url=one.url, timeout=60, follow_redirects=True)
        self.http.cookies.set("penstock_language", language)
        answer = self.http.post("/sign-in", data={"secret": token, "back": "/overview"})
        assert answer.status_code == 200, answer.text
        assert answer.url.path == "/overview"
        self.csrf = next(form["csrf"] for form in Page(answer.text).forms if "csrf" in form)

    def page(self, path: str, status: int = 200) -> Page:
        """A page that must answer so."""
        answer = self.http.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:500]}"
        return Page(answer.text)

    def send(self, path: str, **fields: str) -> httpx.Response:
        """A form of this session's."""
        return self.http.post(path, data={"csrf": self.csrf, **fields})

    def crawl(self, start: str = "/overview", pages_max: int = 400) -> Iterator[tuple[str, httpx.Response]]:
        """Every page that can be reached by links, each once."""
        waiting, seen = [start], {start}
        while waiting and len(seen) <= pages_max:
            path = waiting.pop()
            with self.http.stream("GET", path) as answer:
                if "text/event-stream" in answer.headers.get("content-type", ""):
                    continue
                answer.read()
            yield path, answer
            if "text/html" not in answer.headers.get("content-type", ""):
                continue
            for link in Page(answer.text).links:
                target = str(httpx.URL(f"http://here{path}").join(link).raw_path.decode())
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)

    def close(self) -> None:
        """Hang up."""
        self.http.close()


def offered(centre: Served) -> None:
    """Card-hours of a model are for sale."""
    offer = {"id": "a100", "model": "a100", "price_micros_per_card_hour": 9_000_000}
    centre.done("POST", "/offers", json=offer)


def furnish(one: Served, tenant: str, label: str = "") -> dict[str, Any]:
    """A tenant with people, a lease, a running and a waiting job, charges and an invoice."""
    name = label or tenant
    open_tenant(one, tenant)
    token = one.token(tenant, "owner", f"{tenant}-boss")
    one.done("POST", "/projects", token, json={"id": f"{tenant}-project", "name": name})
    one.done("POST", "/volumes", token, json={"name": f"{tenant}-data"})
    one.done(
        "POST", "/quotes", token, json={"id": f"{tenant}-quote", "model": "a100", "devices": 1, "hours": 2}
    )
    one.done("POST", "/leases", token, json={"id": f"{tenant}-lease", "quote": f"{tenant}-quote"})
    began = one.centre.clock.now()
    for number, changes in enumerate(({}, {"name": f"{tenant}-on-demand"}, {"resources": HUGE})):
        spec = job(**{"name": f"{tenant}-job", **changes})
        body = {"id": f"{tenant}-job-{number}", "spec": spec}
        one.done("POST", "/jobs", token, json=body | ({"lease": f"{tenant}-lease"} if number == 0 else {}))
    one.turn()
    one.turn(15)
    period = {"start": began.isoformat(), "end": one.centre.clock.now().isoformat()}
    one.done("POST", "/invoices", json={"tenant": tenant, **period})
    return {"token": token}


HUGE = {"models": ["a100"], "devices_per_node": 8}


PLAN = """\
name: A small centre
start: 2027-01-01
months: 1 year
tranches:
  - name: first
    model: h800
    servers: 2
    price_per_server: 2.83 M
    accepted: 2027-01-31
    rent: {per_server_month: 60k}
    occupancy: 70 %
costs:
  - {name: crew, kind: staff, amount: 0.3 M}
"""


def rehearsed(one: Served) -> None:
    """Two plans, each rehearsed in two futures."""
    with patch("penstock.web.rehearsing.workers", return_value=1):
        visit = Visit(one, one.admin)
        for name, text in (("east", PLAN), ("west", PLAN.replace("60k", "90k"))):
            assert visit.send("/planner", name=name, text=text).url.path == f"/planner/plans/{name}"
            visit.send(f"/planner/plans/{name}/runs", id=f"{name}-2", futures="2", seed="1")
        for thread in threading.enumerate():
            if thread.name.startswith("rehearsal "):
                thread.join()
        visit.close()


def priced(one: Served) -> None:
    """The price book of the documentation."""
    visit = Visit(one, one.admin)
    text = (Path(__file__).parents[2] / "docs/examples/price-book.yaml").read_text()
    assert visit.send("/market/prices", text=text).url.path == "/market/prices/river-bend-2026"
    visit.close()
