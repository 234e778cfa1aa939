"""`penstock up`: open a centre and keep it running until told to stop."""

import getpass
import ipaddress
import json
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated

import uvicorn
from cyclopts import Parameter

from penstock.app import fleet, opening, passwords
from penstock.app.keeper import Keeper
from penstock.base.refusal import Refusal, Refused
from penstock.cli.language import _
from penstock.web.application import application
from penstock.wire import Centre, default_data_directory, open_centre

DEFAULT_PORT = 8470


def up(
    data: Annotated[
        Path | None, Parameter(help=_("Data directory; by default under the XDG data directory."))
    ] = None,
    host: Annotated[str, Parameter(help=_("Address to listen on."))] = "127.0.0.1",
    port: Annotated[int, Parameter(help=_("Port to listen on; 0 picks a free one."))] = DEFAULT_PORT,
    name: Annotated[str | None, Parameter(help=_("Name of the centre."))] = None,
    known_as: Annotated[
        tuple[str, ...], Parameter(help=_("Further host names that the centre answers to."))
    ] = (),
    cores_per_device: Annotated[
        int, Parameter(help=_("CPU cores that make one device, where the host has no accelerator."))
    ] = 1,
    keep_jobs: Annotated[
        bool, Parameter(help=_("On Ctrl-C leave running jobs running; the next `up` finds them again."))
    ] = False,
) -> int:
    """Open a centre: REST API, loop and index page in one process."""
    listener = _listen(host, port)
    with listener:
        centre = open_centre(data or default_data_directory(), cores_per_device=cores_per_device)
        try:
            _require_password(centre, host)
            return _serve(centre, listener, name, (host, *known_as), keep_jobs)
        finally:
            centre.close()


def set_admin_password(
    data: Annotated[
        Path | None, Parameter(help=_("Data directory; by default under the XDG data directory."))
    ] = None,
) -> int:
    """Set the admin password of a centre on this host; read from the terminal or standard input."""
    typed = (
        getpass.getpass(_("New admin password: "))
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )
    centre = open_centre(data or default_data_directory())
    try:
        passwords.set_password(centre.app, typed)
    finally:
        centre.close()
    print(_("The admin password is set."))
    return 0


def issue_admin_token(
    data: Annotated[
        Path | None, Parameter(help=_("Data directory; by default under the XDG data directory."))
    ] = None,
) -> int:
    """Print a new admin token of a centre on this host; the centre must be stopped."""
    centre = open_centre(data or default_data_directory())
    try:
        print(_("admin token: {token}").format(token=opening.new_admin_token(centre.app)))
    finally:
        centre.close()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise Refused(
            Refusal(
                "port_in_use",
                f"{host}:{port} cannot be used: {error.strerror}",
                "give another --port or --host",
            )
        ) from error
    return listener


def _require_password(centre: Centre, host: str) -> None:
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback and not passwords.has_password(centre.app):
        raise Refused(
            Refusal(
                "password_missing",
                f"listening on {host} opens the centre to others, and it has no admin password",
                "set one with `penstock admin password`, or listen on 127.0.0.1",
            )
        )


def _serve(
    centre: Centre, listener: socket.socket, name: str | None, hosts: tuple[str, ...], keep: bool
) -> int:
    app = centre.app
    if name is not None:
        opening.set_centre_name(app, name)
    opening.open_books(app)
    token = opening.first_admin_token(app)
    fleet.recover(app)
    fleet.register(app, centre.probe.discover())
    address, port = listener.getsockname()[:2]
    config = uvicorn.Config(
        application(app, centre.probe, frozenset(hosts)),
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    keeper = Keeper(app, on_broken=lambda: setattr(server, "should_exit", True))
    print(_("listening on http://{address}:{port}").format(address=address, port=port), flush=True)
    if token:
        print(_("admin token: {token}").format(token=token), flush=True)
        opening.token_was_shown(app)
    interrupts: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn takes them while it serves, then passes them on
        signal.signal(number, lambda received, _frame: interrupts.append(received))
    thread = threading.Thread(target=keeper.run, name="loop", daemon=True)
    thread.start()
    server.run(sockets=[listener])
    keeper.stop()
    thread.join()
    if keeper.broken is not None:
        print(json.dumps({"broken_invariant": repr(keeper.broken)}), file=sys.stderr)
        return 70
    if not keep:
        print(_("draining: running jobs are asked to checkpoint and stop"), flush=True)
        keeper.drain(lambda: len(interrupts) > 1)
    return 0
