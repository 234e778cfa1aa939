"""`penstock port`: what stops a program from running on another chip, and a patch for what can be mended."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from penstock.base.refusal import Refusal, ensure
from penstock.cli.app import tree
from penstock.cli.call import CALL, understood
from penstock.cli.language import _, language
from penstock.cli.output import note, write_bytes
from penstock.cli.portfirst import first
from penstock.fleet.accelerators import Accelerator, Catalogue
from penstock.portability.check import is_wanted
from penstock.portability.fix import fix as fix_files
from penstock.portability.model import Options, Report, Verdict
from penstock.portability.targets import Target, targets
from penstock.probes.source_archive import read_archive
from penstock.probes.source_check import check_source
from penstock.probes.source_tree import Source, read_tree
from penstock.sdk.errors import SdkRefused, SdkUnreachable

type Form = Literal["text", "json", "sarif", "html"]
_ARCHIVES = (".zip", ".whl", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")
BLOCKED = 1

app = tree("port")
Repo = Annotated[
    Path, Parameter(name="REPO", help="Directory, file or archive to read; nothing in it is run.")
]
To = Annotated[str, Parameter(name="--to", help="Chips to run on, such as ascend910b,mlu370.")]
Entries = Annotated[
    tuple[str, ...], Parameter(name="--entry", help="Entry points; by default found.", negative="")
]
Ignored = Annotated[tuple[str, ...], Parameter(name="--ignore", help="Rule ids to leave out.", negative="")]
Excluded = Annotated[
    tuple[str, ...], Parameter(name="--exclude", help="Paths to leave out, as patterns.", negative="")
]


@app.command
def check(
    repo: Repo,
    /,
    *,
    to: To,
    entry: Entries = (),
    ignore: Ignored = (),
    exclude: Excluded = (),
    form: Annotated[Form, Parameter(name="--format", help="How to print the findings.")] = "text",
    out: Annotated[str | None, Parameter(name=["--out", "-o"], help="File to write to.")] = None,
    every: Annotated[bool, Parameter(name="--all", help="Show every finding.", negative="")] = False,
    as_json: Annotated[
        bool, Parameter(name="--json", help="The same as --format json.", negative="")
    ] = False,
) -> int:
    """Say what stops a program from running on other chips, where, and what to do about it.

    Ends with status 1 where a chip needs more than edits.
    """
    options = Options(entries=entry, ignore=ignore, exclude=exclude)
    report = check_source(_read(repo, options), _targets(to), options)
    write_bytes(_rendered(report, "json" if as_json else form, repo.name, every), out)
    worst = (Verdict.REWRITE, Verdict.CANNOT)
    return BLOCKED if any(target.verdict in worst for target in report.targets) else 0


@app.command
def fix(
    repo: Repo,
    /,
    *,
    to: To = "cpu",
    ignore: Ignored = (),
    exclude: Excluded = (),
    write: Annotated[
        bool, Parameter(help="Change the files; without it the patch is printed.", negative="")
    ] = False,
) -> int:
    """Make a patch of what can be mended safely; running it again changes nothing."""
    options = Options(ignore=ignore, exclude=exclude)
    patch = fix_files(_read(repo, options).files, _targets(to), options)
    if not write:
        sys.stdout.write(patch.diff)
        return 0
    for name, content in patch.files.items():
        path = repo if repo.is_file() else repo / name
        temporary = path.with_name(path.name + ".penstock-new")
        temporary.write_bytes(content)
        temporary.chmod(path.stat().st_mode)
        temporary.replace(path)
    note(_("{changes} changes in {files} files").format(changes=len(patch.changes), files=len(patch.files)))
    return 0


app.command(first)


def _targets(text: str) -> tuple[Target, ...]:
    """By the built-in catalogue; where that lacks a name, by the catalogue of the centre, if one answers."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    found = targets(names)
    if isinstance(found, Refusal) and found.code == "target_unknown":
        found = targets(names, _of_centre())
    return ensure(found)


def _of_centre() -> Catalogue | None:
    try:
        with CALL.client() as client:
            answer = client.get("fleet", "catalogue")
    except (SdkRefused, SdkUnreachable):
        return None
    return {one.id: one for one in understood(answer["items"], list[Accelerator])}


def _read(repo: Path, options: Options) -> Source:
    def wanted(path: str) -> bool:
        return is_wanted(path, options)

    if repo.is_file() and repo.name.endswith(_ARCHIVES):
        return ensure(read_archive(repo.read_bytes(), wanted))
    return ensure(read_tree(repo, wanted))


def _rendered(report: Report, form: Form, title: str, every: bool) -> bytes:
    spoken = "zh" if language() == "zh" else "en"
    if form == "json":
        from penstock.web.documents.port_json import document as as_json

        return as_json(report)
    if form == "sarif":
        from penstock.web.documents.port_sarif import document as as_sarif

        return as_sarif(report, version("penstock"))
    if form == "html":
        from penstock.web.documents.port_html import document as as_html

        return as_html(report, title, spoken).encode()
    from penstock.web.documents.port_text import text

    return text(report, every_finding=every, language=spoken).encode()
