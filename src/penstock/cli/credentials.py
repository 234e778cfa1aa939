"""Where to find a centre and by which token: options, environment, then the file that `login` writes."""

import os
from pathlib import Path

import msgspec

from penstock.base.refusal import Refused, invalid

DEFAULT_URL = "http://127.0.0.1:8470"


class Credentials(msgspec.Struct):
    """The centre signed in to last, and a token for each; a token is only ever sent to its own centre."""

    url: str = ""
    tokens: dict[str, str] = {}


def credentials_path() -> Path:
    """$XDG_CONFIG_HOME/penstock/credentials.json, by default under ~/.config."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "penstock" / "credentials.json"


def load_credentials() -> Credentials:
    """What was saved; empty where nothing was."""
    path = credentials_path()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return Credentials()
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused(
            invalid(
                "credentials_unreadable", f"{path}: {error}", "sign in again after removing it", str(path)
            )
        ) from error


def save_credentials(url: str, token: str) -> Path:
    """Remember a centre and its token, readable by the user alone."""
    path = credentials_path()
    known = load_credentials()
    content = msgspec.json.encode(Credentials(url, {**known.tokens, url: token}))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = path.with_suffix(".new")
    written.unlink(missing_ok=True)
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    written.replace(path)
    return path


def resolve(url: str | None, token: str | None) -> tuple[str, str]:
    """The address and the token to use; options first, then the environment, then the file."""
    url = url or os.environ.get("PENSTOCK_URL") or None
    token = token or os.environ.get("PENSTOCK_TOKEN") or None
    if url is None or token is None:
        known = load_credentials()
        url = (url or known.url or DEFAULT_URL).rstrip("/")
        token = token or known.tokens.get(url, "")
    return url.rstrip("/"), token
