"""The command line as a tree of commands whose leaves are imported on use."""

from cyclopts import App

from penstock.cli.commands import COMMANDS


def tree(name: str) -> App:
    """A command with commands of its own; help and version are answered elsewhere (`help.py`)."""
    return App(name=name, help_flags=(), version_flags=())


def build() -> App:
    """`penstock` with all its commands, none of them imported yet."""
    app = tree("penstock")
    for command in COMMANDS:
        own_help = None if command.is_leaf else command.help
        app.command(command.path, name=command.name, help=own_help)
    return app
