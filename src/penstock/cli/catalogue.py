"""`penstock fleet catalogue`: what is known of accelerators, by whom, and a site's own entries."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.base.refusal import Refused, invalid
from penstock.cli import formats
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.output import note, print_fields, print_table
from penstock.fleet.accelerators import Accelerator

FILE_LIMIT_BYTES = 8 * 2**20

app = tree("catalogue")
Name = Annotated[str, Parameter(name="ACCELERATOR", help="Id or family, such as ascend910b.")]


class CatalogueView(msgspec.Struct, frozen=True):
    """Accelerators, and the ids of those that the site itself entered."""

    items: tuple[Accelerator, ...]
    own: tuple[str, ...]


class Imported(msgspec.Struct, frozen=True):
    """Accelerators as they now stand, and what was not taken as it was written."""

    items: tuple[Accelerator, ...]
    flags: tuple[str, ...]


@app.command(name="list")
def list_accelerators(
    *,
    vendor: Annotated[str | None, Parameter(help="Only accelerators of this vendor.")] = None,
    call: Call = CALL,
) -> None:
    """List accelerators with their dense rates."""
    with call.client() as client:
        answer = client.get("fleet", "catalogue")
    if vendor is not None:
        answer["items"] = [one for one in answer["items"] if one["vendor"].lower() == vendor.lower()]
    call.show(answer, CatalogueView, lambda view: _table(view.items, frozenset(view.own)))


@app.command
def show(name: Name, /, *, call: Call = CALL) -> None:
    """Show all that is known of an accelerator, sources that disagree side by side."""
    with call.client() as client:
        items = list(client.items("fleet", "catalogue", name))
    call.show_list(items, Accelerator, _details)


@app.command(name="import")
def import_file(
    file: Annotated[Path, Parameter(help="CSV file in the columns of the catalogue.")],
    /,
    *,
    call: Call = CALL,
) -> None:
    """Add accelerators of the site, or put them in place of built-in ones, all or none.

    A rate that is a known chip's sparse one is flagged, and the dense one kept.
    """
    try:
        if file.stat().st_size > FILE_LIMIT_BYTES:
            raise Refused(invalid("file_too_large", f"{file} is past 8 MiB", "split it", str(file)))
        content = file.read_bytes()
    except OSError as error:
        problem = invalid(
            "file_unreadable", f"{file}: {error.strerror}", "name a file that can be read", str(file)
        )
        raise Refused(problem) from error
    with call.client() as client:
        answer = client.post("fleet", "catalogue", content=content, filename=file.name)
    for flag in answer["flags"]:
        note(flag)
    call.show(answer, Imported, lambda found: _table(found.items, frozenset(one.id for one in found.items)))


@app.command
def remove(name: Name, /, *, call: Call = CALL) -> None:
    """Take out an entry of the site; a built-in one of the same id counts again."""
    with call.client() as client:
        client.delete("fleet", "catalogue", name)


def _table(items: Iterable[Accelerator], own: frozenset[str]) -> None:
    rows = [
        (
            one.id,
            one.vendor or formats.NONE,
            one.stack,
            str(one.devices_per_card),
            formats.size(one.memory_bytes) if one.memory_bytes else formats.NONE,
            ", ".join(f"{rate.precision} {rate.tflops:g}" for rate in one.rates) or formats.NONE,
            str(len(one.claims)),
            str(one.confidence),
            formats.yes(one.id in own),
        )
        for one in items
    ]
    titles = ("ID", "VENDOR", "STACK", "DEVICES", "MEMORY", "NOMINAL TFLOPS", "CLAIMS", "CONFIDENCE", "OWN")
    print_table(titles, rows, right=(3, 4, 6))


def _details(items: list[Accelerator]) -> None:
    for index, one in enumerate(items):
        if index:
            print()
        print_fields(
            [
                ("accelerator", one.id),
                ("name", f"{one.vendor} {one.name}".strip()),
                ("stack", f"{one.stack} {one.software_stack}".strip()),
                ("devices of a card", str(one.devices_per_card)),
                ("link", f"{one.interconnect} {_gb_s(one.interconnect_bytes_per_s)}".strip()),
                ("power", f"{one.power_watts:g} W" if one.power_watts else ""),
                ("PyTorch plug-in", f"{one.torch_package} ({one.torch_device})" if one.torch_package else ""),
                ("collective library", one.collective),
                ("Kubernetes resource", one.kubernetes_resource),
                ("query tool", one.query_tool),
                ("notes", one.notes),
            ]
        )
        print()
        print_table(
            ("FIGURE", "VALUE", "STATUS", "CONFIDENCE", "REMARK", "SOURCE"), list(_figures(one)), right=(1,)
        )


def _figures(one: Accelerator) -> Iterable[tuple[str, ...]]:
    """What the entry says, then what others say."""
    said, source = str(one.confidence), one.source
    for rate in one.rates:
        yield (rate.precision, f"{rate.tflops:g}", formats.word(rate.status), said, "", rate.source or source)
    for name, value in (
        ("memory_gb", one.memory_bytes / 2**30),
        ("memory_bw_gb_s", one.memory_bandwidth_bytes_per_s / 1e9),
    ):
        if value:
            yield (name, f"{value:g}", formats.word("claimed"), said, "", source)
    for claim in one.claims:
        status = formats.word(claim.status)
        yield (claim.figure, f"{claim.value:g}", status, str(claim.confidence), claim.remark, claim.source)


def _gb_s(bytes_per_s: float) -> str:
    return f"{bytes_per_s / 1e9:g} GB/s" if bytes_per_s else ""
