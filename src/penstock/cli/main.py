"""The entry point: runs one command and turns its outcome into an exit status.

0 done, 1 refused (or the check found something), 2 typed wrongly, 3 no centre answered, 4 the job that
was followed did not succeed, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence

REFUSED, USAGE, UNREACHABLE, UNSUCCESSFUL, INTERRUPTED = 1, 2, 3, 4, 130
HELP_FLAGS = ("--help", "-h")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    options = tokens[: tokens.index("--")] if "--" in tokens else tokens
    try:
        if not tokens or tokens[0] in HELP_FLAGS:
            return _print_root_help()
        if tokens[0] == "--version":
            return _print_version()
        status = _run(
            tokens, wants_help=any(flag in options for flag in HELP_FLAGS), as_json="--json" in options
        )
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read us has enough; the interpreter must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _print_root_help() -> int:
    from penstock.cli.roothelp import root_help

    print(root_help())
    return 0


def _print_version() -> int:
    from importlib.metadata import version

    print(version("penstock"))
    return 0


def _run(tokens: list[str], *, wants_help: bool, as_json: bool) -> int:
    from cyclopts import CycloptsError

    from penstock.base.refusal import Fault, Refusal, Refused
    from penstock.cli.app import build
    from penstock.cli.language import _
    from penstock.cli.refused import show_refusals
    from penstock.sdk.errors import SdkUnreachable

    app = build()
    try:
        if wants_help:
            tokens = [token for token in tokens if token not in HELP_FLAGS]
        names, apps, rest = app.parse_commands(tokens)
        if wants_help or (apps[-1].default_command is None and not rest):
            from penstock.cli.help import command_help

            print(command_help((app.name[0], *names), apps))
            return 0
        outcome = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        from penstock.cli.usage_errors import sentence

        print(_("penstock: {sentence}").format(sentence=sentence(error)), file=sys.stderr)
        return USAGE
    except Refused as error:
        show_refusals(error.refusals, as_json=as_json)
        return REFUSED
    except Fault as error:  # of `up` and `admin`, which work on the data themselves
        remedy = _("mend what it says, and try again")
        show_refusals([Refusal("outside_failed", str(error), remedy, status=503)], as_json=as_json)
        return REFUSED
    except SdkUnreachable as error:
        remedy = _("check --url, or open a centre with `penstock up`")
        show_refusals([Refusal("server_unreachable", str(error), remedy, status=503)], as_json=as_json)
        return UNREACHABLE
    return outcome if isinstance(outcome, int) else 0
