"""`penstock plan economics` and its neighbours: what a planned centre costs and earns, computed on this host."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from penstock.base.refusal import Refused, invalid
from penstock.cli.language import language
from penstock.cli.options import Output
from penstock.cli.output import print_json, print_table, write_bytes
from penstock.fleet.accelerators import catalogue

if TYPE_CHECKING:
    from penstock.base.refusal import Refusal
    from penstock.insight.economics.plan import Plan
    from penstock.insight.economics.planfile import Document
    from penstock.web.documents.ladder_words import Language
    from penstock.web.documents.sections import Section

type Form = Literal["text", "json", "html"]
PlanFile = Annotated[Path, Parameter(name="FILE", help="Plan, as of docs/reference/plan.schema.json.")]
Format = Annotated[Form, Parameter(name="--format", help="How to print the report.")]
AsJson = Annotated[bool, Parameter(name="--json", help="The same as --format json.", negative="")]
FILE_BYTES_MAX = 1024 * 1024


def economics(
    file: PlanFile, /, *, form: Format = "text", out: Output = None, as_json: AsJson = False
) -> None:
    """Compute a planned or rebuilt centre: profit and loss, cash, break-even, returns, and what matters.

    Without a rehearsal: what is let, and at which rent, is what the plan says.
    """
    from penstock.insight.economics.report import economics as computed

    plan = read_plan(file)
    report = computed(plan, catalogue())
    if as_json or form == "json":
        show_json(report, out)
    elif form == "html":
        from penstock.web.documents.economics_html import document

        write_bytes(document(report, spoken()).encode(), out)
    else:
        from penstock.web.documents.economics_view import sections

        print(f"{report.name} · {report.since} – {report.until} · {report.currency}")
        print_sections(sections(report, spoken()))


def claims(
    file: Annotated[Path, Parameter(name="FILE", help="Claims about centres, YAML.")],
    /,
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", help="Print the results as JSON.", negative="")
    ] = False,
) -> int:
    """Hold what is published about centres against itself and against the catalogue.

    Ends with status 1 where figures of different precisions were to be compared.
    """
    from penstock.insight.economics.claims import Claims, check_claims, examine
    from penstock.insight.economics.planfile import read_as

    document = read_as(content_of(file), file.name, Claims)
    if isinstance(document, tuple):
        raise Refused(*document)
    _refuse(document, check_claims(document.value))
    found = examine(document.value, catalogue())
    if as_json:
        print_json(found)
    else:
        from penstock.web.documents.economics_view import claims_sections

        print_sections(claims_sections(found, spoken()))
    return 1 if found.refusals else 0


def parameters(
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", help="Print the results as JSON.", negative="")
    ] = False,
) -> None:
    """List the built-in prices, rents, lives and rates, each with its source and status."""
    from penstock.insight.economics.parameters import parameters as built_in

    if as_json:
        print_json(built_in())
        return
    from penstock.web.documents.economics_view import parameters_section

    print_sections([parameters_section(built_in(), spoken())])


def read_plan(file: Path) -> "Plan":
    """The plan of a file, checked."""
    from penstock.insight.economics.check import check_plan
    from penstock.insight.economics.plan import Plan
    from penstock.insight.economics.planfile import read_as

    document = read_as(content_of(file), file.name, Plan)
    if isinstance(document, tuple):
        raise Refused(*document)
    _refuse(document, check_plan(document.value, catalogue()))
    return document.value


def _refuse(document: "Document[Any]", refusals: "Sequence[Refusal]") -> None:
    """Each with the place in the file instead of the path."""
    if refusals:
        raise Refused(*(msgspec.structs.replace(one, where=document.where(one.where)) for one in refusals))


def content_of(file: Path) -> bytes:
    """The bytes of a file that a person named."""
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_BYTES_MAX)
    except OSError as error:
        raise Refused(
            invalid("file_unreadable", f"{file}: {error.strerror}", "check the name", str(file))
        ) from error


def show_json(value: object, out: str | None) -> None:
    """As JSON to a file or standard output."""
    if out is None:
        print_json(value)
    else:
        write_bytes(msgspec.json.encode(value), out)


def print_sections(sections: "Sequence[Section]") -> None:
    """Titled tables one below the other."""
    for section in sections:
        print(f"\n{section.title}")
        if section.rows:
            print_table(section.columns, section.rows, right=section.right)
        for note in section.notes:
            print(f"  {note}" if section.rows else f"! {note}")


def spoken() -> "Language":
    """The language of documents."""
    return "zh" if language() == "zh" else "en"
