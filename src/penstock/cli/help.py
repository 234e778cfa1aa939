"""Help of one command, in the user's language, as plain text: the same on a terminal and in a file."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from cyclopts import App
from cyclopts.argument import Argument
from cyclopts.command_spec import CommandSpec

from penstock.cli.call import COMMON
from penstock.cli.language import _
from penstock.cli.output import width
from penstock.cli.roothelp import MARGIN

ARGUMENTS, OPTIONS, COMMANDS = "Arguments", "Options", "Commands"
SHORT = 4
"""So many choices are shown in place of the value's name."""


def command_help(names: Sequence[str], apps: Sequence[App]) -> str:
    """Usage, description, commands, arguments and options of the last of a chain of commands.

    `names` is how each is typed, the program first: a command does not know by which name it is a part of another.
    """
    app, arguments = apps[-1], arguments_of(apps[-1])
    sections = dict[str, list[tuple[str, str]]]()
    for argument in arguments:
        sections.setdefault(section_of(argument), []).append((signature(argument), described(argument)))
    commands = [(name, summary(item)) for name, item in subcommands(app)]
    if commands:
        sections = {COMMANDS: commands, **sections}
    blocks = [usage(names, apps[-1], arguments), *paragraphs(app)]
    ordered = (title for title in (COMMANDS, ARGUMENTS, OPTIONS, COMMON) if title in sections)
    blocks += [_section(title, sections[title]) for title in ordered]
    return "\n\n".join(blocks)


def usage(names: Sequence[str], app: App, arguments: Sequence[Argument]) -> str:
    """The form of a command line."""
    words = list(names)
    if app.default_command is None:
        words.append("COMMAND")
    for argument in filter(positional, arguments):
        name = placeholder(argument)
        words.append(name if argument.required else f"[{name}]")
    options = [argument for argument in arguments if not positional(argument)]
    words += [signature(argument) for argument in options if argument.required]
    words += ["[OPTIONS]"] if options else []
    return _("Usage: {line}").format(line=" ".join(words))


def paragraphs(app: App) -> list[str]:
    """The description of a command, each paragraph in the user's language."""
    return [_(" ".join(part.split())) for part in inspect.cleandoc(app.help).split("\n\n") if part]


def summary(item: App | CommandSpec) -> str:
    """The first sentence of a command's description."""
    first, _blank, _rest = inspect.cleandoc(item.help or "").partition("\n\n")
    return _(" ".join(first.split()))


def subcommands(app: App) -> Iterator[tuple[str, App | CommandSpec]]:
    """Commands of a command, in the order of their definition."""
    for name in app:
        yield name, app._get_item(name)  # noqa: SLF001  # without importing what is not asked for


def arguments_of(app: App) -> list[Argument]:
    """What a command takes, as it is shown."""
    if app.default_command is None:
        return []
    return [argument for argument in app.assemble_argument_collection() if argument.show]


def section_of(argument: Argument) -> str:
    """The heading under which an argument is listed."""
    if positional(argument):
        return ARGUMENTS
    own = argument.parameter.group
    named = [getattr(group, "name", group) for group in (own if isinstance(own, tuple) else (own,))]
    return COMMON if COMMON in named else OPTIONS


def positional(argument: Argument) -> bool:
    """Whether it is given by its place."""
    return not any(name.startswith("-") for name in argument.names)


def placeholder(argument: Argument) -> str:
    """How a positional argument is written in a usage line."""
    name = argument.name.upper().replace("_", "-")
    return f"{name}..." if argument.is_var_positional() else name


def signature(argument: Argument) -> str:
    """The names of an argument with the kind of its value."""
    if positional(argument):
        return placeholder(argument)
    names = [name for name in argument.names if name not in argument.negatives]
    kind = "" if argument.is_flag() else f" {metavar(argument)}"
    return ", ".join(sorted(names, key=len)) + kind


def metavar(argument: Argument) -> str:
    """What kind of value an option takes."""
    if argument.parameter.metavar:
        return argument.parameter.metavar
    choices = argument.get_choices() or ()
    return "|".join(choices) if 0 < len(choices) <= SHORT else argument.name.lstrip("-").upper()


def described(argument: Argument) -> str:
    """Its help, with the default where there is one worth saying."""
    text, choices = _(argument.parameter.help or ""), argument.get_choices() or ()
    if positional(argument) or len(choices) > SHORT:
        text += _(" [one of: {choices}]").format(choices=", ".join(choices)) if choices else ""
    default: Any = argument.field_info.default
    if argument.required or argument.is_flag() or default in (None, (), "", inspect.Parameter.empty):
        return text
    return f"{text} " + _("[default: {default}]").format(default=default)


def _section(title: str, entries: Sequence[tuple[str, str]]) -> str:
    broad = max(width(name) for name, _help in entries)
    rows = (f"{MARGIN}{name}{' ' * (broad - width(name))}{MARGIN}{text}".rstrip() for name, text in entries)
    return "\n".join([_(title) + _(":"), *rows])
