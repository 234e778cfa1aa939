"""`engines.yaml` in the data directory: the engines of a centre and how jobs run on its own host, read when it opens.

shared: /shared/penstock
local: {isolation: namespaces}
engines:
  - kind: slurm
    name: slurm
    url: https://slurm.example:6820
    user: penstock
    jwt_key_file: /etc/penstock/jwt_hs256.key
  - kind: ray
    name: ray
    url: http://10.0.0.1:8265
    token_file: /etc/penstock/ray-token
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from penstock.base.ids import check_id
from penstock.base.refusal import Refusal, Refused
from penstock.engines.local.host import LEVELS, Isolation
from penstock.engines.ray.settings import RaySettings
from penstock.engines.slurm.settings import SlurmSettings

FILE = "engines.yaml"
_SIZE_MAX_BYTES = 2**20
_MISSING = re.compile(r"Object missing required field `(\w+)`")
KINDS: Mapping[str, type[Any]] = {"slurm": SlurmSettings, "ray": RaySettings}

type ClusterSettings = SlurmSettings | RaySettings


class LocalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How jobs are kept apart on the centre's own host; None: the first level that works there."""

    isolation: Isolation | None = None


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says: where hosts and server share files, and the engines in their order."""

    shared: Path | None = None
    local: LocalSettings = LocalSettings()
    engines: tuple[ClusterSettings, ...] = ()


def read_engines(data: Path) -> EngineSettings:
    """The engines that a data directory names. Raises Refused, with all that is wrong in the file."""
    path = data / FILE
    try:
        if path.stat().st_size > _SIZE_MAX_BYTES:
            raise Refused(_malformed(path, "it is too long"))
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        return EngineSettings()
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise Refused(_malformed(path, str(error))) from error
    if content is None:
        return EngineSettings()
    if not isinstance(content, dict):
        raise Refused(_malformed(path, "it has no keys"))
    _refuse_unknown(path, content, ("shared", "local", "engines"))
    shared = content.get("shared")
    entries = content.get("engines") or []
    if not isinstance(entries, list) or (shared is not None and not isinstance(shared, str)):
        raise Refused(_malformed(path, "engines is no list, or shared is no path"))
    found = tuple(_entry(path, number, entry, shared) for number, entry in enumerate(entries))
    names = [one.name for one in found]
    if len({*names, "local"}) != len(names) + 1:
        raise Refused(_malformed(path, "two engines have the same name, or one is called local"))
    local = _local(f"{path}: local", content.get("local", {}))
    return EngineSettings(shared=Path(shared) if shared else None, local=local, engines=found)


def _local(where: str, entry: object) -> LocalSettings:
    found = _converted(where, entry, LocalSettings)
    if found.isolation is Isolation.CRUN:
        raise Refused(
            _malformed(where, "isolation: crun is for images, and is taken for them where it is installed")
        )
    return found


def _entry(path: Path, number: int, entry: object, shared: str | None) -> ClusterSettings:
    where = f"{path}: engines[{number}]"
    if not isinstance(entry, dict) or entry.get("kind") not in KINDS:
        raise Refused(_malformed(where, f"kind is none of {', '.join(KINDS)}"))
    fields = {str(key): value for key, value in entry.items() if key != "kind"}
    if shared:
        fields.setdefault("shared", shared)
    found = _converted(where, fields, KINDS[entry["kind"]])
    problem = check_id(found.name, where)
    if isinstance(problem, Refusal):
        raise Refused(problem)
    if isinstance(found, SlurmSettings) and found.url:
        tokens = (found.token_file, found.jwt_key_file)
        if not found.user or sum(token is not None for token in tokens) != 1:
            raise Refused(_malformed(where, "a url needs a user, and one of token_file and jwt_key_file"))
    if found.isolation is Isolation.CRUN:
        raise Refused(_malformed(where, "isolation: crun is for images, which clusters do not run"))
    if not found.shared.is_absolute():
        raise Refused(_malformed(where, "shared is no absolute path"))
    return found


def _converted(where: str, fields: object, kind: type[Any]) -> Any:
    if isinstance(fields, dict):
        _refuse_unknown(where, fields, kind.__struct_fields__)
    try:
        return msgspec.convert(fields, kind, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        text = str(error)
        if missing := _MISSING.fullmatch(text):
            text = f"{missing.group(1)} is missing"
        elif text.startswith("Invalid enum value"):
            text = f"isolation is none of {', '.join(LEVELS)}"
        raise Refused(_malformed(where, text)) from error


def _refuse_unknown(where: Path | str, fields: Mapping[Any, Any], known: Sequence[str]) -> None:
    for name in map(str, fields):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            remedy = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            raise Refused(Refusal("engine_settings", f"{where}: there is no field {name[:40]!r}", remedy))


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"expected {kind.__name__}")


def _malformed(where: Path | str, what: str) -> Refusal:
    return Refusal(
        "engine_settings",
        f"{where}: {what}",
        "see docs/guide/slurm.md, docs/guide/ray.md and docs/mechanisms/local-engine.md for what may stand there",
    )
