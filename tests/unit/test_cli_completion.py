"""Completion in a real shell knows commands, options and choices."""

import shutil
import subprocess

import pytest

from penstock.cli.main import main

ASK = """
source {script}
ask() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _penstock; echo "${{COMPREPLY[@]}}"; }}
ask penstock fl
ask penstock fleet ca
ask penstock ps --st
ask penstock ps --state r
ask penstock nothing ""
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed here")
def test_bash_completes_commands_options_and_choices(tmp_path, capsys):
    assert main(["completion", "show", "--shell", "bash"]) == 0
    script = tmp_path / "penstock.bash"
    script.write_text(capsys.readouterr().out)
    asked = subprocess.run(
        ["bash", "-c", ASK.format(script=script)], capture_output=True, text=True, check=True
    )
    assert asked.stdout.splitlines()[:4] == ["fleet", "calibrate catalogue", "--state", "running"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_known(capsys, shell):
    assert main(["completion", "show", "--shell", shell]) == 0
    assert "calibrate" in capsys.readouterr().out


def test_it_is_installed_where_the_shell_looks(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    assert main(["completion", "install", "--shell", "bash"]) == 0
    path = tmp_path / ".local/share/bash-completion/completions/penstock"
    assert capsys.readouterr().out == f"Installed in {path}; open a new shell to use it.\n"
    assert path.is_file()
