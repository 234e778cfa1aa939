"""Ray's own HTTP interface: jobs and nodes. Every answer has a limit in time and size."""

import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec

from penstock.base.refusal import Fault, Refusal, Refused
from penstock.engines.patience import Patience

ANSWER_MAX_BYTES = 16 * 2**20
_TIMEOUT_S = 10.0
_OLDEST = (2, 40)
"""The oldest version whose interface was tried."""


class RayJob(msgspec.Struct, frozen=True):
    """A submission as Ray sees it; `status` is PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED."""

    status: str
    message: str | None = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.status in ("STOPPED", "SUCCEEDED", "FAILED")


class RayNode(msgspec.Struct, frozen=True):
    """A host of the cluster as its state interface shows it."""

    node_id: str
    node_ip: str
    node_name: str
    state: str
    resources_total: dict[str, float] = {}
    state_message: str | None = ""


class RayClient:
    """Speaks to the head. Raises Fault where it is away, and Refused where it will not have us.

    The token is asked for at each call: a cluster that was started anew may have a new one.
    """

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        self.url = url
        self._call = Patience().call

        def sign(request: httpx.Request) -> httpx.Request:
            if word := token():
                request.headers["authorization"] = f"Bearer {word}"
            return request

        self._http = httpx.Client(
            base_url=url.rstrip("/"), auth=sign, timeout=_TIMEOUT_S, follow_redirects=False
        )

    def version(self) -> str:
        """The cluster's version. Raises Refused where it is older than what was tried."""
        said = self._ask("GET", "/api/version")
        version = str(said.get("ray_version", "")) if isinstance(said, dict) else ""
        if _numbers(version) < _OLDEST:
            raise Refused(
                Refusal(
                    "engine_version_unsupported",
                    f"the cluster runs Ray {version[:40] or 'of an unknown version'}",
                    f"run Ray {_OLDEST[0]}.{_OLDEST[1]} or newer",
                )
            )
        return version

    def is_open_to_all(self) -> bool:
        """Whether the cluster takes jobs from anybody who reaches it, without a token (CVE-2023-48022)."""
        try:
            with httpx.Client(base_url=self._http.base_url, timeout=_TIMEOUT_S) as nobody:
                return nobody.get("/api/jobs/").status_code == 200
        except httpx.HTTPError as error:
            raise _away(error) from error

    def nodes(self) -> tuple[RayNode, ...]:
        """Every host, dead ones too."""
        said = self._ask("GET", "/api/v0/nodes", params={"detail": "1", "limit": "10000"})
        try:
            found = said["data"]["result"]["result"]
            return msgspec.convert(found, tuple[RayNode, ...])
        except (KeyError, TypeError, msgspec.ValidationError) as error:
            raise Fault(f"asking Ray for its nodes: an answer that is none: {error}") from error

    def submit(self, name: str, entrypoint: str, resources: Mapping[str, float]) -> None:
        """Submit under an id of ours, to begin once Ray has the resources; one that is known already is left alone."""
        others = {key: value for key, value in resources.items() if key not in ("CPU", "GPU")}
        body: dict[str, Any] = {
            "submission_id": name,
            "entrypoint": entrypoint,
            "entrypoint_num_cpus": resources.get("CPU", 0),
            "metadata": {"penstock_attempt": name},
        }
        body |= {"entrypoint_num_gpus": resources["GPU"]} if "GPU" in resources else {}
        body |= {"entrypoint_resources": others} if others else {}
        try:
            self._ask("POST", "/api/jobs/", json=body)
        except Fault:
            if self.job(name) is None:
                raise

    def job(self, name: str) -> RayJob | None:
        """One submission, or None where the cluster has never heard of it."""
        said = self._ask("GET", _path(name), missing=None)
        if said is None:
            return None
        try:
            return msgspec.convert(said, RayJob)
        except msgspec.ValidationError as error:
            raise Fault(f"asking Ray for {name}: an answer that is none: {error}") from error

    def forget(self, name: str) -> None:
        """Have Ray forget a submission once it is over; one that is not is ended, and forgotten later."""
        job = self.job(name)
        if job is not None and job.is_over:
            self._ask("DELETE", _path(name), missing=None)
        elif job is not None:
            self._ask("POST", f"{_path(name)}/stop", missing=None)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def _send(self, method: str, path: str, options: dict[str, Any]) -> tuple[httpx.Response, bytes]:
        try:
            with self._http.stream(method, path, **options) as answer:
                return answer, _read(answer)
        except httpx.HTTPError as error:
            raise _away(error) from error

    def _ask(self, method: str, path: str, *, missing: Any = ..., **options: Any) -> Any:
        answer, body = self._call(lambda: self._send(method, path, options))
        if answer.status_code in (401, 403):
            raise Fault("Ray does not take our token: give the engine the right one")
        if answer.status_code == 404 and missing is not ...:
            return missing
        if answer.status_code != 200:
            raise Fault(f"Ray says {answer.status_code} to {method} {path}: {_last_line(body)}")
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise Fault(f"Ray's answer to {method} {path} is no JSON: {error}") from error


def _read(answer: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            raise Fault(f"Ray's answer is longer than {ANSWER_MAX_BYTES} bytes")
    return bytes(body)


def _path(name: str) -> str:
    return f"/api/jobs/{urllib.parse.quote(name, safe='')}"


def _last_line(body: bytes) -> str:
    lines = body.decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "nothing"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _away(error: httpx.HTTPError) -> Fault:
    return Fault(f"Ray is away: {error or type(error).__name__}")
