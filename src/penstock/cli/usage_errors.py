"""What was typed wrongly, in one sentence; the parser's own sentences are English only."""

import difflib
from collections.abc import Iterable

from cyclopts import CycloptsError, MissingArgumentError, RepeatArgumentError, UnknownOptionError
from cyclopts.exceptions import CoercionError, UnknownCommandError, UnusedCliTokensError

from penstock.cli.language import _


def sentence(error: CycloptsError) -> str:
    """The error for people, with the nearest thing that exists where there is one."""
    match error:
        case UnknownCommandError():
            return _unknown_command(error)
        case UnknownOptionError():
            typed = error.token.keyword or error.token.value
            known = [name for argument in error.argument_collection for name in argument.names]
            return _("there is no option {typed}").format(typed=typed) + _nearest(typed, known)
        case MissingArgumentError() if error.argument is not None:
            name = error.keyword or error.argument.name
            if error.keyword:
                return _("{name} needs a value").format(name=name)
            return _("{name} is missing").format(name=name)
        case CoercionError() if error.token is not None and error.argument is not None:
            return _not_understood(error)
        case RepeatArgumentError():
            return _("{name} is given twice").format(name=error.token.keyword)
        case UnusedCliTokensError():
            return _("nothing is expected at {tokens}").format(tokens=" ".join(error.unused_tokens or ()))
        case _:
            error.verbose = False
            return str(error)


def _unknown_command(error: UnknownCommandError) -> str:
    typed = (error.unused_tokens or [""])[0]
    known = [] if error.app is None else [name for name in error.app if not name.startswith("-")]
    listed = _("; there are {commands}").format(commands=", ".join(known)) if len(known) <= 8 else ""
    return _("there is no command {typed}").format(typed=typed) + (_nearest(typed, known) or listed)


def _not_understood(error: CoercionError) -> str:
    assert error.token is not None, "checked by the caller"
    assert error.argument is not None, "checked by the caller"
    name = error.token.keyword or error.argument.name
    choices = error.argument.get_choices(force=True)
    text = _("{value!r} does not fit {name}").format(value=error.token.value, name=name)
    return text + (_("; choose from {choices}").format(choices=", ".join(choices)) if choices else "")


def _nearest(typed: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(typed.split("=", maxsplit=1)[0], list(known), n=1)
    return _("; did you mean {name}?").format(name=close[0]) if close else ""
