"""slurmrestd over HTTP with a JWT: the newest API version that both sides know, from v0.0.38 on."""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from penstock.base.refusal import Fault, Refusal, Refused
from penstock.engines.slurm import reading
from penstock.engines.slurm.model import PATH, Rejected, SlurmJob, SlurmNode, Submission

VERSIONS = ("v0.0.42", "v0.0.41", "v0.0.40", "v0.0.39", "v0.0.38")
"""Slurm 22.05 speaks v0.0.38; 23.02 to 24.11 each added one and dropped an old one."""
_LISTS_OF_STRINGS_FROM = "v0.0.39"
TIMEOUT_S = 10.0
ANSWER_MAX_BYTES = 256 * 2**20
_TOKEN_LIFE_S = 600
_RECORDS_SINCE_S = 10 * 366 * 86400
"""Accounting tells of today alone unless it is asked for more."""
_NOTHING_FOUND = (2017, 9003)
_TRY_AGAIN = (2007, 2016, 2019, 2020, 2026, 2027, 2037, 2061, 2090, 2103, 2105)
"""Errors of a submission that pass by themselves; the others between 2000 and 2999 are about the job."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are to the cluster: a token that somebody else renews in a file, or the key to make our own."""

    user: str
    token_file: Path | None = None
    jwt_key_file: Path | None = None

    def token(self, now_s: int) -> str:
        """A token to send now. Raises Refused where there is none, or it has expired."""
        try:
            if self.jwt_key_file is not None:
                return make_token(self.jwt_key_file.read_bytes(), self.user, now_s)
            assert self.token_file is not None, "a token or a key is configured"
            token = self.token_file.read_text().strip().removeprefix("SLURM_JWT=")
        except OSError as error:
            raise Refused(
                Refusal("engine_token_unreadable", str(error), "name a file that the server can read")
            ) from error
        expires_s = expiry_s(token)
        if expires_s is not None and expires_s <= now_s:
            raise Refused(
                Refusal(
                    "engine_token_expired",
                    f"the token of {self.user} expired {now_s - expires_s} s ago",
                    "renew the file (`scontrol token`), or configure jwt_key_file",
                )
            )
        return token


def make_token(key: bytes, user: str, now_s: int) -> str:
    """A token as `scontrol token` makes it: HS256 with `iat`, `exp` and `sun`."""
    claims = {"iat": now_s - 5, "exp": now_s + _TOKEN_LIFE_S, "sun": user}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_base64(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def expiry_s(token: str) -> int | None:
    """When a token says it expires (unverified), or None where it does not say."""
    try:
        part = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return int(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def _part(value: Mapping[str, Any]) -> str:
    return _base64(msgspec.json.encode(value))


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Rest:
    """One cluster behind slurmrestd. Calls raise Fault where it is away, Refused where it will not have us."""

    def __init__(self, url: str, credentials: Credentials, ca_file: Path | None = None) -> None:
        import ssl

        verify: ssl.SSLContext | bool = True
        if ca_file is not None:
            verify = ssl.create_default_context(cafile=str(ca_file))
        self._credentials = credentials
        self._http = httpx.Client(
            base_url=url, timeout=TIMEOUT_S, verify=verify, follow_redirects=False, trust_env=False
        )
        self._version = ""

    def close(self) -> None:
        """Give back the connection."""
        self._http.close()

    def version(self) -> str:
        """The API version in use, found by asking; Refused where there is none in common."""
        if not self._version:
            for version in VERSIONS:
                answer = self._send("GET", f"/slurm/{version}/ping", None)
                if answer is not None:
                    self._version = version
                    break
            else:
                raise Refused(
                    Refusal(
                        "engine_version_unsupported",
                        f"the server at {self._http.base_url} speaks none of {', '.join(VERSIONS)}",
                        "use Slurm 22.05 or later, with slurmrestd's openapi plug-ins slurm and slurmdbd",
                    )
                )
        return self._version

    def jobs(self) -> tuple[SlurmJob, ...]:
        """All that the controller still knows, finished ones of the last minutes too."""
        return tuple(map(reading.job, self._get("slurm", "jobs").get("jobs") or ()))

    def job(self, number: int) -> SlurmJob | None:
        """One job, or None where the controller knows it no more."""
        found = self._get("slurm", f"job/{number}").get("jobs") or ()
        return next((reading.job(one) for one in found), None)

    def nodes(self) -> tuple[SlurmNode, ...]:
        """All hosts."""
        return tuple(map(reading.node, self._get("slurm", "nodes").get("nodes") or ()))

    def accounted(self, numbers: Iterable[int]) -> dict[int, SlurmJob]:
        """Accounting records of these jobs, as far as they have arrived."""
        listed = "%2C".join(map(str, numbers))
        if not listed:
            return {}
        since = f"uts{int(time.time()) - _RECORDS_SINCE_S}"
        raw = self._get("slurmdb", f"jobs?step={listed}&start_time={since}").get("jobs") or ()
        return reading.records(raw)

    def submit(self, wanted: Submission) -> int:
        """Submit; the job's number. Raises Rejected where it can never run."""
        body = submission_body(wanted, self.version())
        answer = self._ask("POST", f"/slurm/{self.version()}/job/submit", body)
        errors = _errors(answer)
        if errors and not number_of(answer):
            code, text = errors[0]
            if 2000 <= code < 3000 and code not in _TRY_AGAIN:
                raise Rejected(text)
            raise Fault(f"submitting {wanted.name}: {text}")
        return number_of(answer)

    def cancel(self, number: int, signal: str = "KILL") -> None:
        """Cancel a job; one that is over or unknown is let be."""
        answer = self._send("DELETE", f"/slurm/{self.version()}/job/{number}?signal={signal}", None)
        for code, text in _errors(answer or {}):
            if code not in (*_NOTHING_FOUND, 2021):
                raise Fault(f"cancelling job {number}: {text}")

    def _get(self, plugin: str, path: str) -> dict[str, Any]:
        answer = self._ask("GET", f"/{plugin}/{self.version()}/{path}", None)
        for code, text in _errors(answer):
            if code not in _NOTHING_FOUND:
                raise Fault(f"asking for {path}: {text}")
        return answer

    def _ask(self, method: str, path: str, body: object) -> dict[str, Any]:
        answer = self._send(method, path, body)
        if answer is None:
            self._version = ""  # the server may have been upgraded: ask anew
            raise Fault(f"{method} {path}: the server does not know this address")
        return answer

    def _send(self, method: str, path: str, body: object) -> dict[str, Any] | None:
        """The JSON that came back, or None for an address that does not exist."""
        headers = {
            "X-SLURM-USER-NAME": self._credentials.user,
            "X-SLURM-USER-TOKEN": self._credentials.token(int(time.time())),
            "Content-Type": "application/json",
        }
        content = None if body is None else msgspec.json.encode(body)
        deadline_s = time.monotonic() + 3 * TIMEOUT_S
        try:
            with self._http.stream(method, path, headers=headers, content=content) as answer:
                text = bytearray()
                for part in answer.iter_bytes():
                    text += part
                    if len(text) > ANSWER_MAX_BYTES or time.monotonic() > deadline_s:
                        raise Fault(f"{method} {path}: the answer is too long or too slow")
        except httpx.HTTPError as error:
            raise _unreachable(method, path, error) from error
        if answer.status_code in (401, 403) or (answer.status_code == 500 and b"slurm_load_ctl_conf" in text):
            raise Refused(
                Refusal(
                    "engine_token_refused",
                    f"the cluster does not accept the token of {self._credentials.user}",
                    "check user, token and the clocks of both hosts",
                )
            )
        if answer.status_code in (404, 405) and not text.lstrip().startswith(b"{"):
            return None
        try:
            decoded = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise Fault(f"{method} {path}: {answer.status_code}, and no JSON") from error
        if not isinstance(decoded, dict):
            raise Fault(f"{method} {path}: an answer that is no object")
        return decoded


def _unreachable(method: str, path: str, error: httpx.HTTPError) -> Fault | Refused:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Refused(
            Refusal(
                "engine_certificate",
                f"the certificate of the server is not trusted: {error}",
                "name the certificate authority with ca_file",
            )
        )
    return Fault(f"{method} {path}: {error or type(error).__name__}")


def _errors(answer: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Number and text of each error in an answer."""
    found = []
    for one in answer.get("errors") or ():
        code = reading.number(one.get("error_number") or one.get("error_code"))
        text = ": ".join(str(one[key]) for key in ("error", "description") if one.get(key))
        found.append((code, text or f"error {code}"))
    return found


def number_of(answer: Mapping[str, Any]) -> int:
    """The job's number in the answer to a submission."""
    return reading.number(answer.get("job_id") or (answer.get("result") or {}).get("job_id"))


def submission_body(wanted: Submission, version: str) -> dict[str, Any]:
    """A submission in the words of this API version."""
    new = VERSIONS.index(version) <= VERSIONS.index(_LISTS_OF_STRINGS_FROM)
    job: dict[str, Any] = {
        "name": wanted.name,
        "comment": wanted.comment,
        "tasks_per_node": 1,
        "cpus_per_task": wanted.cpus_per_node,
        "current_working_directory": wanted.directory,
        "standard_output": wanted.output,
        "standard_error": wanted.output,
        "requeue": False,
        "environment": [f"PATH={PATH}"] if new else {"PATH": PATH},
    }
    nodes = len(wanted.nodes)
    if new:
        job |= {"required_nodes": list(wanted.nodes), "minimum_nodes": nodes, "maximum_nodes": nodes}
        job |= {"tasks": nodes}
    else:
        job |= {"nodelist": ",".join(wanted.nodes), "nodes": nodes}
    if wanted.gres:
        gpus = ",".join(f"gres/{part}" for part in wanted.gres.split(","))
        job |= {"tres_per_node": gpus} if new else {"gres": wanted.gres}
    for name, value in (("memory_per_node", wanted.memory_mib), ("time_limit", wanted.time_limit_minutes)):
        if value:
            job[name] = {"set": True, "infinite": False, "number": value} if new else value
    for name in ("account", "partition", "reservation", "qos"):
        if getattr(wanted, name):
            job[name] = getattr(wanted, name)
    if wanted.constraint:
        job["constraints"] = wanted.constraint
    return {"script": wanted.script, "job": job}
