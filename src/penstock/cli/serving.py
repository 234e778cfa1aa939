"""Opens a centre on this host and serves it: what `penstock up` and `penstock admin` do once they are asked."""

import errno
import ipaddress
import json
import signal
import socket
import sys
import threading

import uvicorn

from penstock.app import fleet, opening, passwords
from penstock.app.keeper import Keeper
from penstock.app.sampling import Sampler
from penstock.base.refusal import Refusal, Refused, invalid
from penstock.cli.language import _
from penstock.web.application import application
from penstock.web.log import configure_log
from penstock.wire import Centre

PORT_MAX = 65_535
LOOK_MAX_S = 5.0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, taken before anything else is done; refused where the port is not to be had."""
    if not 0 <= port <= PORT_MAX:
        raise Refused(
            invalid("number_out_of_range", f"there is no port {port}", f"give 0 to {PORT_MAX}", "--port")
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, asyncio sends small answers at once instead of waiting 40 ms for more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        raise Refused(
            Refusal(
                "port_in_use" if taken else "address_unusable",
                f"{host}:{port} cannot be used: {error.strerror}",
                "give another --port" if taken else "give another --host or --port",
                "--port" if taken else "--host",
            )
        ) from error
    return listener


def require_password(centre: Centre, host: str) -> None:
    """Refuse to listen beyond this host without an admin password."""
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
                "--host",
            )
        )


def serve(
    centre: Centre, listener: socket.socket, name: str | None, hosts: tuple[str, ...], keep: bool
) -> int:
    """Serve until told to stop; then drain, unless jobs are kept or another process goes on with them.

    70: a broken invariant stopped it.
    """
    configure_log()
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
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    keeper = Keeper(app, on_broken=lambda: setattr(server, "should_exit", True))
    interrupts: list[int] = []

    def interrupt(received: int, _frame: object) -> None:
        interrupts.append(received)
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn takes them while it serves, then passes them on
        signal.signal(number, interrupt)
    print(_("listening on http://{address}:{port}").format(address=address, port=port), flush=True)
    if token:
        print(_("admin token: {token}").format(token=token), flush=True)
        opening.token_was_shown(app)
    thread = threading.Thread(target=keeper.run, name="loop", daemon=True)
    thread.start()
    sampler = Sampler(app, centre.probe)
    looking = threading.Thread(target=sampler.run, name="samples", daemon=True)
    looking.start()
    server.run(sockets=[listener])
    sampler.stop()
    keeper.stop()
    looking.join(LOOK_MAX_S)
    thread.join()
    if keeper.broken is not None:
        print(json.dumps({"broken_invariant": repr(keeper.broken)}), file=sys.stderr)
        return 70
    if not keep and centre.alone():
        print(_("draining: running jobs are asked to checkpoint and stop"), flush=True)
        keeper.drain(lambda: len(interrupts) > 1)
    keeper.end()
    return 0
