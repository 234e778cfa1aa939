"""`penstock up` and `penstock admin`: only they load the server, and only when they run."""

import getpass
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from penstock.base.refusal import Refused, invalid
from penstock.cli.language import _

if TYPE_CHECKING:
    from penstock.wire import Centre

DEFAULT_PORT = 8470
METERING_MAX_S = 3_600

type Data = Annotated[Path | None, Parameter(help="Data directory; by default under the XDG data directory.")]
type DatabaseUrl = Annotated[
    str | None,
    Parameter(
        env_var="PENSTOCK_DATABASE",
        help="postgresql://user@host:5432/name; by default SQLite in the data directory.",
    ),
]


def up(
    data: Data = None,
    database: DatabaseUrl = None,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 picks a free one.")] = DEFAULT_PORT,
    name: Annotated[str | None, Parameter(help="Name of the centre.")] = None,
    known_as: Annotated[
        tuple[str, ...], Parameter(help="Further host names that the centre answers to.")
    ] = (),
    cores_per_device: Annotated[
        int, Parameter(help="CPU cores that make one device, where the host has no accelerator.")
    ] = 1,
    cpu_only: Annotated[
        bool, Parameter(help="Offer the CPU cores even where there are accelerators.")
    ] = False,
    scrape: Annotated[
        tuple[str, ...],
        Parameter(help="Prometheus endpoint of a host's devices, such as http://gpu-7:9400/metrics."),
    ] = (),
    metering_seconds: Annotated[
        int, Parameter(help="Usage is recorded at least this often, in seconds.")
    ] = 60,
    keep_jobs: Annotated[
        bool, Parameter(help="On Ctrl-C leave running jobs running; the next `up` finds them again.")
    ] = False,
) -> int:
    """Open a centre: REST API, loop and index page in one process."""
    from penstock.app import asking
    from penstock.app.context import Policy
    from penstock.cli.serving import listen, require_password, serve
    from penstock.wire import default_data_directory, open_centre

    with listen(host, port) as listener:
        asking.whole_number(metering_seconds, 1, METERING_MAX_S, "--metering-seconds")
        asking.text(name or "", "--name")
        centre = open_centre(
            data or default_data_directory(),
            Policy(metering_step=timedelta(seconds=metering_seconds)),
            cores_per_device=cores_per_device,
            cpu_only=cpu_only,
            database=database,
            scrapes=[_endpoint(url) for url in scrape],
        )
        try:
            require_password(centre, host)
            return serve(centre, listener, name, (host, *known_as), keep_jobs)
        finally:
            centre.close()


def _endpoint(url: str) -> str:
    """The address of an exporter, refused where it is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Refused(
            invalid(
                "endpoint_malformed", f"{url!r} is no address", "give http://HOST:PORT/metrics", "--scrape"
            )
        )
    return url


def set_admin_password(
    data: Data = None,
    database: DatabaseUrl = None,
) -> int:
    """Set the admin password of a centre on this host; read from the terminal or standard input."""
    typed = (
        getpass.getpass(_("New admin password: "))
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )
    from penstock.app import passwords

    centre = _open(data, database)
    try:
        passwords.set_password(centre.app, typed)
    finally:
        centre.close()
    print(_("The admin password is set."))
    return 0


def issue_admin_token(
    data: Data = None,
    database: DatabaseUrl = None,
) -> int:
    """Print a new admin token of a centre on this host; the centre must be stopped."""
    from penstock.app import opening

    centre = _open(data, database)
    try:
        print(_("admin token: {token}").format(token=opening.new_admin_token(centre.app)))
    finally:
        centre.close()
    return 0


def _open(data: Path | None, database: str | None) -> "Centre":
    from penstock.wire import default_data_directory, open_centre

    return open_centre(data or default_data_directory(), database=database)
