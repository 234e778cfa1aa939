"""`penstock completion`: complete commands and options in the shell."""

from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.completion import ShellDetectionError

from penstock.base.refusal import Refusal, Refused, invalid
from penstock.cli.app import build, tree
from penstock.cli.language import _

app = tree("completion")
Shell = Annotated[
    Literal["bash", "zsh", "fish"] | None, Parameter(help="Shell to complete in; by default the one in use.")
]


@app.command
def install(*, shell: Shell = None) -> None:
    """Install completion for your account, and load it when the shell starts."""
    try:
        path = build().install_completion(shell=shell)
    except ShellDetectionError as error:
        raise Refused(_unknown_shell()) from error
    print(_("Installed in {path}; open a new shell to use it.").format(path=path))


@app.command
def show(*, shell: Shell = None) -> None:
    """Print the completion script."""
    try:
        print(build().generate_completion(shell=shell))
    except ShellDetectionError as error:
        raise Refused(_unknown_shell()) from error


def _unknown_shell() -> Refusal:
    return invalid("shell_unknown", "it is not known which shell you use", "name it with --shell", "--shell")
