"""`penstock engine`: where jobs run."""

from penstock.app.following import EngineView
from penstock.cli import formats
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.language import said
from penstock.cli.output import note, print_table

app = tree("engine")


@app.command(name="list")
def list_engines(*, call: Call = CALL) -> None:
    """List engines: whether they answer, what they have, and what work from outside runs there."""
    with call.client() as client:
        call.show_list(client.items("engines"), EngineView, _table)


def _table(engines: list[EngineView]) -> None:
    rows = [
        (
            one.name,
            one.version or formats.NONE,
            str(one.nodes),
            str(one.devices),
            str(one.foreign_devices),
            one.code or formats.word("ok"),
        )
        for one in engines
    ]
    print_table(("NAME", "VERSION", "NODES", "DEVICES", "FOREIGN", "RESULT"), rows, right=(2, 3, 4))
    for one in engines:
        for work in (*one.foreign_work, *one.remarks):
            note(f"{one.name}: {work}")
        if one.code:
            note(f"{one.name}: {said(one.problem)}; {said(one.remedy)}")
