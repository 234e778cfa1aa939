"""The reference of the command line, from the commands themselves: `python -m penstock.cli.reference FILE`."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App

from penstock.cli.app import build
from penstock.cli.commands import GROUPS
from penstock.cli.help import command_help, subcommands

HEAD = """# Command line

`penstock` is a client of the REST API; only `up`, `demo`, `doctor`, `admin`, `image add`, `image remove`, `plan`
and `port` work on this host itself.
This page is generated: `python -m penstock.cli.reference docs/reference/cli.md`.

**Which centre, as whom.** `--url` and `--token`, else `PENSTOCK_URL` and `PENSTOCK_TOKEN`, else what
`penstock login` wrote to `$XDG_CONFIG_HOME/penstock/credentials.json` (readable by you alone; a token is
only ever sent to the centre it is of), else `http://127.0.0.1:8470`.

**Output.** Tables on a terminal; elsewhere plain aligned columns without colour, and nothing but data on
standard output. `--json` prints the answer of the API. Times are local with their offset; `--utc` reads and
shows UTC. `PENSTOCK_LANG`, else `LC_ALL`, `LC_MESSAGES`, `LANG` choose English or 中文.

**Ids.** The command line makes them unless `--id` gives one. The same id with the same content changes
nothing, so a command may be repeated when it is not known whether it arrived.

| exit status | means |
|---|---|
| 0 | done |
| 1 | refused: code, place and remedy on standard error (`--json`: on standard output); or a check found something |
| 2 | typed wrongly |
| 3 | no centre answered |
| 4 | `run --follow`: the job did not succeed |
| 130 | interrupted |
"""


def reference() -> str:
    """All commands by subject, in Markdown."""
    app = build()
    parts = [HEAD]
    for title, group in GROUPS.items():
        parts.append(f"## {title}\n")
        for command in group:
            parts += _pages((app.name[0], command.name), (app, app[command.name]))
    return "\n".join(parts)


def _pages(names: tuple[str, ...], apps: tuple[App, ...]) -> Iterator[str]:
    level = "#" * (len(apps) + 1)
    yield f"{level} `{' '.join(names)}`\n\n```text\n{command_help(names, apps)}\n```\n"
    for name, _item in subcommands(apps[-1]):
        yield from _pages((*names, name), (*apps, apps[-1][name]))


if __name__ == "__main__":
    os.environ["PENSTOCK_LANG"] = "en"
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
