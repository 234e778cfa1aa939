"""`penstock --help`: from the table of commands alone, so that it needs no parser and nothing imported."""

from penstock.cli.commands import GROUPS
from penstock.cli.language import _

MARGIN = "  "


def root_help() -> str:
    """All commands with their sentences, by subject."""
    broad = max(len(command.name) for group in GROUPS.values() for command in group)
    parts = [
        _("Usage: penstock COMMAND [OPTIONS]"),
        "",
        _("Penstock runs an AI computing centre as a utility."),
    ]
    for title, group in GROUPS.items():
        parts += ["", _(title) + _(":")]
        parts += [f"{MARGIN}{command.name:<{broad}}{MARGIN}{_(command.help)}" for command in group]
    parts += ["", _("`penstock COMMAND --help` explains one of them.")]
    return "\n".join(parts)
