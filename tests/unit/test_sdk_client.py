"""The client: what it sends, what it repeats, and what it raises."""

import httpx
import pytest

from penstock.base.refusal import Refusal
from penstock.sdk.client import PAUSES_S, Client
from penstock.sdk.errors import SdkRefused, SdkUnreachable
from penstock.sdk.logs import LogEnd, LogPiece, events, follow_logs, read_logs

URL = "http://centre.example"
REFUSED = {"refusals": [{"code": "quote_expired", "message": "too late", "remedy": "ask again"}]}


class Server:
    """Answers requests from a list and remembers them; an exception in the list is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, token="pst_x") -> Client:
        return Client(URL, token, transport=httpx.MockTransport(self), sleep=self.pauses.append)


def ok(answer) -> httpx.Response:
    return httpx.Response(200, json=answer)


def test_a_get_names_the_token_and_leaves_out_what_was_not_asked():
    server = Server(ok({"items": []}))
    server.client().get("jobs", tenant="acme", after=None, state=["queued", "running"])
    request = server.requests[0]
    assert str(request.url) == f"{URL}/api/v1/jobs?tenant=acme&state=queued&state=running"
    assert request.headers["authorization"] == "Bearer pst_x"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_segment_that_would_lead_elsewhere_is_refused(name):
    server = Server()
    with pytest.raises(SdkRefused, match="id_malformed"):
        server.client().get("jobs", name)


def test_a_segment_is_quoted():
    server = Server(ok({}))
    server.client().get("jobs", "a/../b?c#d")
    assert server.requests[0].url.raw_path == b"/api/v1/jobs/a%2F..%2Fb%3Fc%23d"


def test_pages_are_followed_to_the_end():
    server = Server(
        ok({"items": [1, 2], "next": "b"}), ok({"items": [3], "next": "c"}), ok({"items": [], "next": None})
    )
    assert list(server.client().items("jobs", limit=2)) == [1, 2, 3]
    assert [request.url.params.get("after") for request in server.requests] == [None, "b", "c"]


@pytest.mark.parametrize("status", [409, 507])
def test_a_refusal_is_raised_with_everything_it_says(status):
    server = Server(httpx.Response(status, json=REFUSED))
    with pytest.raises(SdkRefused) as caught:
        server.client().post("leases", body={"id": "x"})
    assert caught.value.refusals == (Refusal("quote_expired", "too late", "ask again"),)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "response",
    [httpx.Response(500, text="boom"), httpx.Response(200, text="<html>"), httpx.Response(500, json=REFUSED)],
)
def test_an_answer_that_cannot_be_used_counts_as_none(response):
    with pytest.raises(SdkUnreachable):
        Server(response).client().get("jobs")


def test_a_broken_connection_is_tried_again_with_the_same_content():
    server = Server(httpx.ReadError("reset"), httpx.Response(503), ok({"id": "x"}))
    assert server.client().post("jobs", body={"id": "x"}) == {"id": "x"}
    assert {request.content for request in server.requests} == {b'{"id":"x"}'}
    assert server.pauses == list(PAUSES_S)


def test_it_is_given_up_after_the_last_try():
    server = Server(*[httpx.ConnectError("refused")] * (len(PAUSES_S) + 1))
    with pytest.raises(SdkUnreachable, match="refused"):
        server.client().get("jobs")
    assert server.answers == []


def test_what_may_not_happen_twice_is_only_repeated_if_it_never_arrived():
    arrived = Server(httpx.ReadTimeout("no answer"), ok({}))
    with pytest.raises(SdkUnreachable):
        arrived.client().post("tokens", body={"id": "t"}, repeatable=False)
    assert len(arrived.requests) == 1
    not_arrived = Server(httpx.ConnectError("refused"), ok({"secret": "s"}))
    assert not_arrived.client().post("tokens", body={"id": "t"}, repeatable=False) == {"secret": "s"}


@pytest.mark.parametrize("url", ["http://[", "nonsense", "ftp://x", "http://x:99999999"])
def test_an_address_that_is_none_is_unreachable(url):
    with pytest.raises(SdkUnreachable):
        Client(url, sleep=lambda _s: None).get("centre")


@pytest.mark.parametrize("token", ["pst_\n", "pst_密"])
def test_a_token_that_cannot_be_sent_is_refused(token):
    with pytest.raises(SdkRefused, match="token_malformed"):
        Client(URL, token)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [("http://127.0.0.1:1", False), ("http://localhost:1", False), ("http://centre.example", True)],
)
def test_a_proxy_of_the_environment_does_not_stand_before_this_host(monkeypatch, url, trusted):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    for name in ("NO_PROXY", "no_proxy", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    client = Client(url)
    assert any("http" in pattern.pattern for pattern in client._http._mounts) == trusted
    client.close()


def stream(*pieces: str) -> httpx.Response:
    return httpx.Response(200, text="".join(pieces), headers={"content-type": "text/event-stream"})


def log(attempt: int, offset: int, text: str) -> str:
    encoded = httpx.Request(
        "POST", URL, json={"attempt": attempt, "offset": offset, "text": text}
    ).content.decode()
    return f"event: log\ndata: {encoded}\n\n"


END = 'event: end\ndata: {"state": "succeeded"}\n\n'


def test_following_goes_on_from_the_last_offset_after_a_break():
    server = Server(
        stream(log(1, 0, "épi"), log(2, 0, "again\n")),
        httpx.ConnectError("refused"),
        stream(log(2, 6, "done\n"), END),
    )
    seen = list(follow_logs(server.client(), "acme.j", rank=1, sleep=server.pauses.append))
    assert seen == [
        LogPiece(1, 0, "épi"),
        LogPiece(2, 0, "again\n"),
        LogPiece(2, 6, "done\n"),
        LogEnd("succeeded"),
    ]
    asked = [(r.url.params["rank"], r.url.params["attempt"], r.url.params["offset"]) for r in server.requests]
    assert asked == [("1", "0", "0"), ("1", "2", "6"), ("1", "2", "6")]


def test_following_is_given_up_when_nothing_comes_back():
    server = Server(*[httpx.ConnectError("refused")] * 99)
    with pytest.raises(SdkUnreachable):
        list(follow_logs(server.client(), "j", sleep=server.pauses.append))
    assert server.pauses == sorted(server.pauses)


def test_following_a_job_that_is_not_there_is_refused():
    server = Server(
        httpx.Response(404, json={"refusals": [{"code": "job_not_found", "message": "", "remedy": ""}]})
    )
    with pytest.raises(SdkRefused, match="job_not_found"):
        list(follow_logs(server.client(), "j"))


def test_offsets_count_bytes():
    server = Server(stream(log(1, 0, "épi")), stream(END))
    list(follow_logs(server.client(), "j", sleep=server.pauses.append))
    assert server.requests[1].url.params["offset"] == "4"


def test_a_whole_log_is_read_piece_by_piece():
    server = Server(
        httpx.Response(200, content=b"ab"), httpx.Response(200, content=b"c"), httpx.Response(200)
    )
    assert b"".join(read_logs(server.client(), "j")) == b"abc"
    assert [request.url.params["offset"] for request in server.requests] == ["0", "2", "3"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["data: a", "data: b", ""], [("message", "a\nb")]),
        ([": keep-alive", "", "event: log", "data:x", ""], [("log", "x")]),
        (["event: log", "", "data: y", ""], [("message", "y")]),
        (["id: 3", "retry: 5", "event: end", "data: {}", "", "data: cut off"], [("end", "{}")]),
    ],
)
def test_events_are_read_as_the_standard_says(lines, expected):
    assert list(events(iter(lines))) == expected


@pytest.mark.parametrize(
    ("url", "verified"), [("https://centre.example", True), ("HTTP://centre.example", False)]
)
def test_certificates_are_verified_wherever_there_are_any(monkeypatch, url, verified):
    asked = {}
    monkeypatch.setattr(httpx, "Client", lambda **options: asked.update(options))
    Client(url)
    assert asked["verify"] is verified
    assert "follow_redirects" not in asked, "an http centre cannot lead to an https one"
