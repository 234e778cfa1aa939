"""The report is one sound file that asks for nothing, says what it must, and can be read."""

import re
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from importlib.resources import files

import msgspec
import pytest

from penstock.app.reports import CheckReport
from penstock.base.quantity import ComputeRate
from penstock.base.window import Window
from penstock.billing.model import Invoice, InvoiceLine
from penstock.fleet.device import Calibration, Device, DeviceInterval, DeviceState, Node
from penstock.insight.attribution import attribute
from penstock.insight.ladder import ladder
from penstock.insight.model import History, Line
from penstock.lease.job import Attempt, AttemptState, Job, JobSpec, JobState, Resources, Retry, TaskExit
from penstock.lease.offer import Lease, LeaseState, Offer
from penstock.lease.tenant import Tenant
from penstock.web.documents.report_data import LossPoint, ReportData
from penstock.web.documents.report_html import render_report
from penstock.web.documents.report_words import _WORDS

TEMPLATES = files("penstock.web.documents") / "templates"
CSS = (TEMPLATES / "report.css").read_text(encoding="utf-8")
PALETTE = (TEMPLATES / "palette.css").read_text(encoding="utf-8")
VOID = {"meta", "br", "link", "img", "input", "hr"}
NAMES = tuple(f"cpu-{n}" for n in range(2))


def at(second: float) -> datetime:
    return datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(seconds=second)


def device(name: str) -> Device:
    nominal = (ComputeRate("fp32", 0.154, "derived"),)
    return Device(
        id=name,
        node="host",
        model="cpu",
        handle="0",
        state=DeviceState.AVAILABLE,
        nominal=nominal,
        memory_bytes=2**33,
        commissioned_at=at(0),
        accepted_at=at(5),
        cost_micros=9_000 * 10**6,
    )


def attempt(number: int, start: float, end: float, state: AttemptState, exit_code: int) -> Attempt:
    return Attempt(
        id=f"digits.{number}",
        job="digits",
        tenant="acme",
        number=number,
        engine="local",
        devices=NAMES,
        placed_at=at(start),
        running_at=at(start + 2),
        ended_at=at(end),
        state=state,
        cause="exit",
        lease="lease-1",
        checkpoints=(at(start + 10),),
        exits=(TaskExit(rank=0, exit_code=exit_code), TaskExit(rank=1, signal=9, out_of_memory=True)),
    )


LEASE = Lease(
    id="lease-1",
    tenant="acme",
    quote="q",
    offer="o",
    model="cpu",
    devices=NAMES,
    start=at(10),
    end=at(90),
    price_micros_per_card_hour=6_500_000,
    created_at=at(8),
    state=LeaseState.ENDED,
    ended_at=at(90),
)
ATTEMPTS = (attempt(1, 20, 40, AttemptState.FAILED, 17), attempt(2, 41, 80, AttemptState.SUCCEEDED, 0))
HISTORY = History(
    devices=tuple(map(device, NAMES)),
    device_intervals=tuple(DeviceInterval(device=n, state=DeviceState.AVAILABLE, start=at(0)) for n in NAMES),
    leases=(LEASE,),
    attempts=ATTEMPTS,
    waits=(),
    offers=(Offer(id="o", model="cpu", price_micros_per_card_hour=6_500_000, created_at=at(0)),),
)
WINDOW = Window(at(0), at(100))
SPANS = tuple(attribute(HISTORY, WINDOW))
INVOICE_LINE = InvoiceLine(
    subject_kind="lease",
    subject="lease-1",
    description="two cores",
    model="cpu",
    start=LEASE.start,
    end=LEASE.end,
    quantity=160 * 10**6,
    price_micros_per_card_hour=6_500_000,
    exact_micros=288_889,
    amount_micros=290_000,
)
INVOICE = Invoice(
    id="i",
    number=7,
    tenant="acme",
    tenant_name="Acme",
    currency="CNY",
    start=at(0),
    end=at(100),
    issued_at=at(99),
    lines=(INVOICE_LINE,),
    total_micros=290_000,
    rounding_micros=1_111,
    paid_micros=200_000,
    content_hash="abc123",
)
DATA = ReportData(
    centre="Lakeside",
    version="9.9",
    made_at=at(101).astimezone(timezone(timedelta(hours=8))),
    nodes=(Node(id="host", cpu_cores=2, memory_bytes=2**34),),
    devices=HISTORY.devices,
    tenant=Tenant(id="acme", name="Acme", created_at=at(0)),
    job=Job(
        id="digits",
        tenant="acme",
        lease="lease-1",
        created_at=at(19),
        state=JobState.SUCCEEDED,
        spec=JobSpec(
            name="digits",
            run="python3 train.py\n",
            resources=Resources(models=("cpu",), devices_per_node=2),
            retry=Retry(max_attempts=2),
        ),
    ),
    attempts=ATTEMPTS,
    ladder=ladder(SPANS, HISTORY, WINDOW),
    spans=SPANS,
    check=CheckReport(ok=True, money=(), card_hours=(), audit=(), checked={"accounts": 9, "spans": 14}),
    calibrations=(
        Calibration(
            id="c",
            device="cpu-0",
            at=at(5),
            measured=(ComputeRate("fp32", 0.1312, "measured"), ComputeRate("fp64", 0.0643, "measured")),
            memory_bandwidth_bytes_per_s=11.8e9,
            spread=0.02,
            software={},
            accepted=True,
        ),
    ),
    lease=LEASE,
    invoice=INVOICE,
    losses=(
        LossPoint(50, 0.9, 1),
        LossPoint(100, 0.4, 1),
        LossPoint(150, 0.3, 1),
        LossPoint(150, 0.3, 2),
        LossPoint(200, 0.2, 2, 0.981),
    ),
    attempt_steps={1: (0, 170), 2: (100, 200)},
    data_set="handwritten digits",
)


class Page(HTMLParser):
    """Texts, attributes and the nesting of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> does not close what is open"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.fixture(params=["en", "zh"])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(render_report(DATA, request.param))


def test_it_is_well_formed_and_asks_for_nothing(page: Page) -> None:
    tags = {tag for tag, _, _ in page.attributes}
    assert not tags & {"script", "link", "img", "iframe", "object", "form"}
    names = {name for _, name, _ in page.attributes}
    assert not names & {"src", "href", "srcset", "action"}
    assert not {name for name in names if name.startswith("on")}
    assert "@import" not in CSS
    assert set(re.findall(r"url\((.*?)\)", CSS)) == {"#hatch"}


def test_no_placeholder_is_left(page: Page) -> None:
    assert not re.search(r"[{}]|None|Undefined", page.text)


def test_ids_that_are_named_exist(page: Page) -> None:
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    named = {
        part for _, name, value in page.attributes if name == "aria-labelledby" for part in value.split()
    }
    assert named <= set(ids)


def test_pictures_and_tables_are_named(page: Page) -> None:
    roles = [
        (tag, name)
        for tag, name, value in page.attributes
        if name in {"role", "aria-hidden"} and tag == "svg"
    ]
    labels = [
        name for tag, name, _ in page.attributes if tag == "svg" and name in {"aria-label", "aria-labelledby"}
    ]
    assert len(labels) == sum(name == "role" for _, name in roles)
    headers = [value for tag, name, value in page.attributes if tag == "th" and name == "scope"]
    assert headers.count("col") > 20
    assert set(headers) == {"col", "row", "rowgroup"}


def test_what_it_says_in_english() -> None:
    text = Page(render_report(DATA, "en")).text
    for part in (
        "Lakeside",
        "2026-11-23 20:00:00 – 20:01:40 · times in UTC+08:00",
        "2 attempts, 1 without success",
        "0: 17 1: signal 9, out of memory",
        "CNY 0.09 still due",
        "fp32 0.154 derived 0.1312",
        "fp64 – 0.0643",
        "11.8 GB/s",
        "Loss went from 0.9 at step 50 to 0.2 at step 200. Attempt 1 broke off at step 170; the next went on "
        "from the checkpoint at step 100, so 70 steps were done twice. "
        "Accuracy on images it never saw: 98.1 %.",
        "sum, equal to capacity 0.0556 100.0 %",
        "the lines sum to 200,000,000 card-microseconds",
        "invoice no. 7",
        "CNY 0.288889",
        "Both books balance. Nothing was found.",
        "accounts 9",
        "There is no single figure called utilisation.",
    ):
        assert part in text, part


def test_the_lost_work_of_each_attempt_has_its_figure() -> None:
    text = Page(render_report(DATA, "en")).text
    lost_card_hours = 2 * 10 / 3600
    assert f"20.0 s 1 0.0011 {lost_card_hours:.4f} 0.0044" in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "without",
    [
        {"lease": None},
        {"invoice": None},
        {"losses": ()},
        {"losses": (LossPoint(1, 0.5, 1),)},
        {"losses": (LossPoint(1, 0.5, 1), LossPoint(2, float("nan"), 1), LossPoint(3, 0.5, 1))},
        {"calibrations": ()},
        {"spans": (), "ladder": ladder((), HISTORY, WINDOW), "attempts": ()},
        {
            "attempts": (
                msgspec.structs.replace(ATTEMPTS[0], state=AttemptState.RUNNING, ended_at=None, exits=()),
            )
        },
    ],
)
def test_it_does_without_what_is_not_there(without: dict, language: str) -> None:
    assert not re.search(
        r"[{}]|None|\bnan\b", Page(render_report(msgspec.structs.replace(DATA, **without), language)).text
    )


def test_names_from_outside_are_only_text() -> None:
    evil = '<script>alert(1)</script>"&'
    data = msgspec.structs.replace(
        DATA,
        centre=evil,
        data_set=evil,
        tenant=msgspec.structs.replace(DATA.tenant, name=evil),
        invoice=msgspec.structs.replace(
            INVOICE, lines=(msgspec.structs.replace(INVOICE_LINE, description=evil),)
        ),
        check=msgspec.structs.replace(DATA.check, money=(evil,)),
    )
    html = render_report(data, "en")
    assert "<script" not in html
    assert Page(html).text.count(evil) >= 5


def test_findings_are_shown() -> None:
    check = msgspec.structs.replace(
        DATA.check, ok=False, card_hours=("device cpu-0 is on no line",), audit=("broken",)
    )
    text = Page(render_report(msgspec.structs.replace(DATA, check=check), "en")).text
    assert "The check found 2 faults." in text
    assert "Both books balance" not in text
    assert "device cpu-0 is on no line" in text


def test_many_devices_are_drawn_in_part_and_said() -> None:
    names = [f"cpu-{n:03}" for n in range(100)]
    spans = tuple(msgspec.structs.replace(SPANS[0], device=name) for name in names)
    past = msgspec.structs.replace(HISTORY, devices=tuple(map(device, names)))
    data = msgspec.structs.replace(
        DATA, devices=past.devices, spans=spans, ladder=ladder(spans, past, WINDOW)
    )
    text = Page(render_report(data, "en")).text
    assert "64 of 100 devices are drawn." in text
    assert "and 36 more devices" in text


def test_every_word_is_used_and_said_in_both_languages() -> None:
    sources = (TEMPLATES / "report.html.jinja").read_text(encoding="utf-8")
    for module in ("report_html.py", "report_writer.py"):
        sources += (files("penstock.web.documents") / module).read_text(encoding="utf-8")
    composed = ("book_", "count_", "reading_", "measured", "derived", "claimed")
    for key, pair in _WORDS.items():
        assert all(pair), key
        used = re.search(rf"words\.{key}\b|words\[[\"']{key}[\"']\]", sources)
        assert used or key.startswith(composed) or key.endswith("_rule"), f"nobody says {key}"
        places = [sorted(re.findall(r"{\w+}", sentence)) for sentence in pair]
        assert places[0] == places[1], key


def _colours(scheme: int) -> dict[str, str]:
    """The palette in light (0) or dark (1); a colour that is given once is the same in both."""
    pairs = re.findall(r"--([\w-]+): (?:light-dark\()?(#[0-9a-f]{6})(?:, (#[0-9a-f]{6})\))?", PALETTE)
    return {name: (light, dark or light)[scheme] for name, light, dark in pairs}


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


LIGHT, DARK = _colours(0), _colours(1)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_have_contrast(colours: dict[str, str]) -> None:
    for text in ("ink", "soft", "accent", "good", "bad"):
        for ground in ("paper", "card"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert _contrast(colours["good"], colours["good-wash"]) >= 4.5
    assert _contrast(colours["bad"], colours["bad-wash"]) >= 4.5
    for line in Line:
        on = colours.get(f"on-{line}", colours["on-dark"])
        assert _contrast(colours[line], on) >= 4.5, line
