"""Which servers an engine may call: named by the operator, and never a host's own metadata service.

An address is looked up when the engine is opened and each of its addresses is checked, so that a name cannot
lead to where an address would not be allowed.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from penstock.base.refusal import Fault, Refusal, Refused

_METADATA = ("100.100.100.200", "fd00:ec2::254", "192.0.0.192")
"""Metadata services beside 169.254.0.0/16 and fe80::/10, which are closed as a whole."""


def check_target(url: str) -> str:
    """The URL, or Refused: `engine_url` malformed or insecure, `engine_target` an address that is closed."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port or parts.username:
        raise Refused(
            Refusal("engine_url", f"{url[:200]!r} is no address of a server", "write https://host:6820")
        )
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Fault(f"looking up {parts.hostname}: {error}") from error
    for *_, place in found:
        _check_address(url, parts.scheme, str(place[0]).partition("%")[0])
    return url


def _check_address(url: str, scheme: str, text: str) -> None:
    address = ipaddress.ip_address(text)
    closed = address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
    if closed or text in _METADATA:
        raise Refused(
            Refusal(
                "engine_target",
                f"{url} leads to {text}, which is closed to engines",
                "name the server itself",
            )
        )
    if scheme == "http" and not (address.is_loopback or address.is_private):
        raise Refused(
            Refusal(
                "engine_url",
                f"{url} would send the token over a public network unencrypted",
                "use https, with ca_file where the authority is your own",
            )
        )
