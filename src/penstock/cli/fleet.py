"""`penstock fleet`: nodes and devices."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from penstock.base.money import parse_amount
from penstock.base.refusal import Refused, ensure, invalid
from penstock.cli import compute, fleetview, placing
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.fleetview import FleetView
from penstock.cli.language import _
from penstock.cli.output import note
from penstock.fleet.device import Calibration, Device, DeviceInterval, DeviceState
from penstock.sdk.client import Client

CALIBRATION_TIMEOUT_S = 900.0
IMPORT_LIMIT_BYTES = 64 * 2**20

app = tree("fleet")
app.command(placing.placement)
app.command(placing.defragment)
DeviceId = Annotated[str, Parameter(name="DEVICE", help="Device id.")]


class DeviceDetail(msgspec.Struct, frozen=True):
    """A device with its latest calibration and its states over time."""

    device: Device
    calibration: Calibration | None
    intervals: list[DeviceInterval]


@app.command(name="list")
def list_devices(
    *,
    model: Annotated[str | None, Parameter(help="Only devices of this model.")] = None,
    node: Annotated[str | None, Parameter(help="Only devices of this node.")] = None,
    state: Annotated[DeviceState | None, Parameter(help="Only devices in this state.")] = None,
    call: Call = CALL,
) -> None:
    """List devices with their states and measured rates."""
    with call.client() as client:
        answer = client.get("fleet")
    asked = {"model": model, "node": node, "state": state}
    wanted = {name: value for name, value in asked.items() if value is not None}
    answer["devices"] = [
        device
        for device in answer["devices"]
        if all(device.get(name) == value for name, value in wanted.items())
    ]
    call.show(answer, FleetView, fleetview.print_devices)


@app.command
def show(device: DeviceId, /, *, call: Call = CALL) -> None:
    """Show a device: rates measured beside nominal, and its states over time."""
    with call.client() as client:
        intervals = list(client.items("fleet", "devices", device, "intervals"))
        answer, currency = client.get("fleet"), str(client.get("centre")["currency"])
    found = {
        "device": next((item for item in answer["devices"] if item["id"] == device), None),
        "calibration": answer["calibrations"].get(device),
        "intervals": intervals,
    }
    call.show(
        found,
        DeviceDetail,
        lambda d: fleetview.print_device(d.device, d.calibration, d.intervals, currency, call),
    )


@app.command
def calibrate(
    devices: Annotated[
        list[str] | None,
        Parameter(name="DEVICE", help="Device ids; by default all that were not accepted yet.", negative=""),
    ] = None,
    /,
    *,
    every: Annotated[
        bool, Parameter(name="--all", help="Calibrate accepted devices again too.", negative="")
    ] = False,
    call: Call = CALL,
) -> int:
    """Measure devices one by one, and accept those that pass: only they can be sold.

    Ends with status 1 where a device was not accepted.
    """
    with call.client() as client:
        chosen = devices or _due(client, every=every)
        answers = []
        for number, device in enumerate(chosen, 1):
            note(
                _("calibrating {device} ({number} of {count})").format(
                    device=device, number=number, count=len(chosen)
                )
            )
            answers.append(_calibrate(client, device))
    call.show_list(answers, Calibration, fleetview.print_calibrations)
    return 0 if all(answer["accepted"] for answer in answers) else 1


def _calibrate(client: Client, device: str) -> Any:
    return client.post(
        "fleet", "devices", device, "calibrate", repeatable=False, timeout_s=CALIBRATION_TIMEOUT_S
    )


def _due(client: Client, *, every: bool) -> list[str]:
    gone = (DeviceState.RETIRED, DeviceState.DOWN)
    return [
        device["id"]
        for device in client.get("fleet")["devices"]
        if device.get("state") not in gone and (every or device.get("accepted_at") is None)
    ]


@app.command(name="import")
def import_file(
    file: Annotated[Path, Parameter(help="CSV or YAML file of nodes and devices.")], /, *, call: Call = CALL
) -> None:
    """Add nodes and devices from a file, all or none."""
    try:
        if file.stat().st_size > IMPORT_LIMIT_BYTES:
            raise Refused(invalid("file_too_large", f"{file} is past 64 MiB", "split it", str(file)))
        content = file.read_bytes()
    except OSError as error:
        raise Refused(
            invalid("file_unreadable", f"{file}: {error.strerror}", "name a file that can be read", str(file))
        ) from error
    with call.client() as client:
        answer = client.post("fleet", "import", content=content, filename=file.name)
    call.show(answer, FleetView, fleetview.print_summary)


@app.command(name="set")
def set_state(
    device: DeviceId,
    state: Annotated[DeviceState, Parameter(name="STATE", help="State to put it in.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; kept with the device.")] = "",
    call: Call = CALL,
) -> None:
    """Cordon, drain, take down, bring back or retire a device."""
    body = {"state": state, "reason": reason}
    with call.client() as client:
        answer = client.post("fleet", "devices", device, "state", body=body)
    call.show(answer, Device, lambda found: fleetview.print_devices(FleetView((), (found,), {})))


@app.command
def cost(
    device: DeviceId,
    amount: Annotated[str, Parameter(name="AMOUNT", help="What it cost, up to two decimals.")],
    /,
    *,
    tranche: Annotated[str, Parameter(help="Purchase that it belongs to.")] = "",
    life_years: Annotated[int, Parameter(name="--life", help="Years over which it is depreciated.")] = 5,
    call: Call = CALL,
) -> None:
    """Enter what a device cost; its carried cost on the ladder follows from it."""
    body = {
        "cost_micros": ensure(parse_amount(amount, "AMOUNT")),
        "tranche": tranche,
        "life_years": life_years,
    }
    with call.client() as client:
        answer = client.post("fleet", "devices", device, "cost", body=body)
    call.show(answer, Device, lambda found: fleetview.print_devices(FleetView((), (found,), {})))


app.command(
    "penstock.cli.catalogue:app",
    name="catalogue",
    help="What is known of accelerators, by whom, and the site's own entries.",
)
for _command in (compute.compute, compute.alarms, compute.links):
    app.command(_command)
