"""The ladder on a terminal: both halves, both languages, every share with its population."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from inline_snapshot import snapshot
from rich.console import Console, RenderableType

from penstock.base.window import Window
from penstock.fleet.device import Device
from penstock.insight.ladder import ladder, ladder_by
from penstock.insight.model import History, Ladder, Line, Span
from penstock.lease.offer import Offer
from penstock.web.documents import ladder_figures as figures
from penstock.web.documents.ladder_text import render_ladder, render_ladder_by
from penstock.web.documents.ladder_words import LINE_MEANINGS, LINE_WORDS, LOSS_WORDS, RUNG_WORDS, language_of


def at(hours: float) -> datetime:
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hours)


DEVICES = tuple(
    Device(id=f"d{n}", node="n0", model=model, handle="", commissioned_at=at(0), cost_micros=cost)
    for n, (model, cost) in enumerate((("a100", 80_000 * 10**6), ("h20", 0)))
)
OFFER = Offer(id="o", model="a100", price_micros_per_card_hour=6_500_000, created_at=at(0))
HISTORY = History(devices=DEVICES, device_intervals=(), leases=(), attempts=(), waits=(), offers=(OFFER,))
WINDOW = Window(at(0), at(100))


def span(line: Line, start: float, end: float, device: int = 0, tenant: str | None = None) -> Span:
    model = DEVICES[device].model
    return Span(device=f"d{device}", model=model, line=line, start=at(start), end=at(end), tenant=tenant)


SPANS = [
    span(Line.DOWN, 0, 10),
    span(Line.NO_FIT_PRICE, 10, 30),
    span(Line.STARTING, 30, 31, tenant="acme"),
    span(Line.LOST_WORK, 31, 40, tenant="acme"),
    span(Line.PRODUCTIVE, 40, 100, tenant="acme"),
    span(Line.NO_DEMAND, 0, 100, device=1),
]


def printed(what: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=110).print(what)
    return "\n".join(line.rstrip() for line in out.getvalue().replace("\N{NO-BREAK SPACE}", " ").splitlines())


@pytest.fixture
def whole() -> Ladder:
    return ladder(SPANS, HISTORY, WINDOW)


def test_in_english(whole: Ladder) -> None:
    assert printed(render_ladder(whole, "en", UTC)) == snapshot("""\
Where every card-hour went
2026-11-23 00:00:00 – 2026-11-27 04:00:00 UTC
2 devices commissioned, 200.0 card-hours of capacity · measured

capacity  ██████████████████████████████ 200.0 100.0 % of capacity
available ████████████████████████████▌  190.0  95.0 % of capacity
sold      ██████████▌                     70.0  35.0 % of capacity  36.8 % of available
occupied  ██████████▌                     70.0  35.0 % of capacity 100.0 % of sold
active    ██████████▍                     69.0  34.5 % of capacity  98.6 % of occupied
effective █████████                       60.0  30.0 % of capacity  87.0 % of active


                                                                             list value         carried cost
  rung                    line            card-hours   of capacity            (derived)            (derived)
 ────────────────────────────────────────────────────────────────────────────────────────────────────────────
  not available           down                  10.0         5.0 %            CNY 65.00            CNY 17.34
  available, not sold     no demand            100.0        50.0 %             CNY 0.00             CNY 0.00
  available, not sold     no fit: price         20.0        10.0 %           CNY 130.00            CNY 34.68
  occupied, not active    starting               1.0         0.5 %             CNY 6.50             CNY 1.73
  active, not effective   lost work              9.0         4.5 %            CNY 58.50            CNY 15.61
  effective               productive            60.0        30.0 %           CNY 390.00           CNY 104.05
 ────────────────────────────────────────────────────────────────────────────────────────────────────────────
  sum = capacity                               200.0       100.0 %           CNY 650.00           CNY 173.42

Card time is measured, and its lines sum to capacity exactly. List value is derived from it and the list price
in force, carried cost from book cost by straight-line depreciation.
Card-hours without a list price in force: 100.0; their list value counts as nothing.
Devices without a recorded cost: 1; their carried cost counts as nothing.\
""")


def test_in_chinese(whole: Ladder) -> None:
    assert printed(render_ladder(whole, "zh", UTC)) == snapshot("""\
每一个卡时去了哪里
2026-11-23 00:00:00 – 2026-11-27 04:00:00 UTC
在册 2 台设备，总容量 200.0 卡时 · 实测

总容量 ██████████████████████████████ 200.0 100.0% 占总容量
可用   ████████████████████████████▌  190.0  95.0% 占总容量
已售   ██████████▌                     70.0  35.0% 占总容量  36.8% 占可用
已占用 ██████████▌                     70.0  35.0% 占总容量 100.0% 占已售
活跃   ██████████▍                     69.0  34.5% 占总容量  98.6% 占已占用
有效   █████████                       60.0  30.0% 占总容量  87.0% 占活跃


  层级            去向          卡时   占总容量   目录价值 (推算)   持有成本 (推算)
 ───────────────────────────────────────────────────────────────────────────────────
  不可用          故障          10.0       5.0%          65.00 元          17.34 元
  可用未售        无需求       100.0      50.0%           0.00 元           0.00 元
  可用未售        价格不合      20.0      10.0%         130.00 元          34.68 元
  占用未活跃      启动中         1.0       0.5%           6.50 元           1.73 元
  活跃但无效      作废的工作     9.0       4.5%          58.50 元          15.61 元
  有效            有效计算      60.0      30.0%         390.00 元         104.05 元
 ───────────────────────────────────────────────────────────────────────────────────
  合计 = 总容量                200.0     100.0%         650.00 元         173.42 元

卡时为实测，各行之和恰等于总容量。目录价值按当时目录价推算，持有成本按账面成本直线折旧推算。
其中 100.0 卡时当时没有目录价，目录价值按零计。
有 1 台设备没有登记成本，持有成本按零计。\
""")


def test_side_by_side() -> None:
    parts = ladder_by(SPANS, HISTORY, WINDOW, "tenant")
    assert printed(render_ladder_by(parts, "tenant", "en")) == snapshot("""\
Where every card-hour went

  tenant       devices   capacity (card-hours)   available      sold   occupied   active   effective
 ────────────────────────────────────────────────────────────────────────────────────────────────────
  (not sold)         2                   130.0      92.3 %     0.0 %      0.0 %    0.0 %       0.0 %
  acme               1                    70.0     100.0 %   100.0 %    100.0 %   98.6 %      85.7 %
""")
    assert printed(render_ladder_by(parts, "tenant", "zh")) == snapshot("""\
每一个卡时去了哪里

  租户       设备   总容量 (卡时)     可用     已售   已占用    活跃    有效
 ────────────────────────────────────────────────────────────────────────────
  （未售）      2           130.0    92.3%     0.0%     0.0%    0.0%    0.0%
  acme          1            70.0   100.0%   100.0%   100.0%   98.6%   85.7%
""")


def test_a_ladder_of_nothing_prints() -> None:
    empty = ladder([], HISTORY, WINDOW)
    assert "0.0000" in printed(render_ladder(empty, "en", UTC))


def test_there_is_no_single_utilisation(whole: Ladder) -> None:
    text = printed(render_ladder(whole, "en", UTC)) + printed(render_ladder(whole, "zh", UTC))
    assert "utilisation" not in text.lower()
    assert "利用率" not in text


def test_every_line_and_rung_has_its_words() -> None:
    assert set(LINE_WORDS) == set(LINE_MEANINGS) == set(Line)
    for words in (*LINE_WORDS.values(), *LINE_MEANINGS.values(), *RUNG_WORDS.values(), *LOSS_WORDS.values()):
        assert all(words[language] for language in ("en", "zh"))


@pytest.mark.parametrize(
    ("tag", "language"), [("zh-CN", "zh"), ("ZH", "zh"), ("en", "en"), ("fr", "en"), ("", "en")]
)
def test_language_of_a_tag(tag: str, language: str) -> None:
    assert language_of(tag) == language


@pytest.mark.parametrize(
    ("length", "english", "chinese"),
    [
        (timedelta(0), "0.0 s", "0.0 秒"),
        (timedelta(seconds=31.26), "31.3 s", "31.3 秒"),
        (timedelta(seconds=125), "2 min 5 s", "2 分 5 秒"),
        (timedelta(hours=3), "3 h", "3 小时"),
        (timedelta(days=2, hours=3, minutes=9), "2 d 3 h", "2 天 3 小时"),
    ],
)
def test_durations(length: timedelta, english: str, chinese: str) -> None:
    assert (figures.duration(length, "en"), figures.duration(length, "zh")) == (english, chinese)


def test_amounts_and_shares() -> None:
    assert figures.money(-1_234_560_000, "CNY", "zh") == "−1,234.56 元"
    assert figures.money(5_000_000, "USD", "zh") == "5.00 USD"
    assert figures.money(310_555, "CNY", "en", 4) == "CNY\N{NO-BREAK SPACE}0.3106"
    assert figures.share(1, 3, "en") == "33.3\N{NO-BREAK SPACE}%"
    assert figures.share(0, 0, "zh") == figures.NONE
    assert figures.money_decimals([9_999_999]) == 4
    assert figures.money_decimals([10_000_000]) == 2
