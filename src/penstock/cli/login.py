"""`penstock login`: sign in to a centre and remember the token."""

import getpass
import sys
from datetime import datetime

import msgspec

from penstock.cli.call import CALL, Call
from penstock.cli.credentials import resolve, save_credentials
from penstock.cli.language import _
from penstock.cli.output import print_fields, print_json
from penstock.sdk.client import Client


def login(*, call: Call = CALL) -> None:
    """Sign in to a centre and remember the token.

    With --token that token is checked and kept. Without, the admin password is asked for (or read from
    standard input) and a short-lived operator token is kept.
    """
    url, _known = resolve(call.url, call.token)
    token, expires_at = call.token, None
    if token is None:
        with Client(url) as client:
            answer = client.post("login", body={"password": _password()}, repeatable=False)
        token, expires_at = str(answer["secret"]), msgspec.convert(answer.get("expires_at"), datetime | None)
    with Client(url, token) as client:
        client.get("offers")  # refused where the token is not valid
        name = client.get("centre")["name"]
    path = save_credentials(url, token)
    if call.json:
        print_json({"url": url, "name": name, "expires_at": expires_at, "credentials": str(path)})
        return
    print_fields(
        [
            ("centre", name),
            ("address", url),
            ("valid until", call.time(expires_at)),
            ("kept in", str(path)),
        ]
    )


def _password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass(_("Admin password: "))
    return sys.stdin.readline().rstrip("\n")
