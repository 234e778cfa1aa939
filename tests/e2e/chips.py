"""Devices of several chips in a simulated centre; their calibrations are made up by the test, and say so."""

from penstock.app.catalogue import known_accelerators
from penstock.base.quantity import ComputeRate, Precision
from penstock.fleet.accelerators import device_rates
from penstock.fleet.device import Calibration, Device, Node
from penstock.sim.centre import SimulatedCentre
from penstock.store import fleet
from served import YUAN, Served


def install(
    centre: SimulatedCentre,
    model: str,
    count: int,
    tflops: float,
    precision: Precision = "bf16",
    *,
    accepted: bool = True,
) -> None:
    """A node of so many devices, each with a simulated calibration."""
    chip, now = known_accelerators(centre.app)[model], centre.clock.now()
    node = Node(
        id=model, cpu_cores=64, memory_bytes=2**40, engine=centre.engine.name, leaf=model, fabric=model
    )
    with centre.app.database.write() as tx:
        fleet.save_node(tx, node)
        for index in range(count):
            device = Device(
                id=f"{model}.{index}",
                node=model,
                model=model,
                handle=str(index),
                index=index,
                card=f"{model}.card{index // chip.devices_per_card}",
                stack=chip.stack,
                memory_bytes=chip.memory_bytes // chip.devices_per_card,
                nominal=device_rates(chip),
            )
            fleet.save_device(tx, fleet.accept(device, now) if accepted else device, now, "installed")
    for index in range(count):
        measure(centre, f"{model}.{index}", tflops, precision, accepted=accepted)


def measure(
    centre: SimulatedCentre,
    device: str,
    tflops: float,
    precision: Precision = "bf16",
    *,
    accepted: bool = True,
) -> None:
    """One more simulated calibration of a device."""
    now = centre.clock.now()
    with centre.app.database.write() as tx:
        fleet.add_calibration(
            tx,
            Calibration(
                id=f"{device}-{now.timestamp()}",
                device=device,
                at=now,
                measured=(ComputeRate(precision, tflops, "measured", "simulated"),),
                memory_bandwidth_bytes_per_s=1e12,
                spread=0.01,
                software={"simulated": "1"},
                accepted=accepted,
            ),
        )


def sell(one: Served, model: str, yuan: float) -> None:
    """Publish a price per card-hour."""
    price = round(yuan * YUAN)
    body = {"id": f"{model}-list", "model": model, "price_micros_per_card_hour": price}
    one.done("POST", "/offers", json=body)
