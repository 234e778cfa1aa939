"""The edge of the command line: help, wrong input, exit statuses, credentials; no centre is needed."""

import json
import os
import subprocess
import sys

import pytest

from penstock.base.refusal import Refused
from penstock.cli import credentials
from penstock.cli.commands import COMMANDS
from penstock.cli.main import main
from penstock.cli.refused import excerpt

NOBODY = "http://127.0.0.1:9"
HEAVY = ("numba", "numpy", "sqlalchemy", "litestar", "uvicorn", "rich", "yaml", "typst", "asyncio")


@pytest.fixture(autouse=True)
def _own_home(monkeypatch, tmp_path):
    for name in ("PENSTOCK_URL", "PENSTOCK_TOKEN", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.mark.parametrize("tokens", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(capsys, tokens):
    assert main(tokens) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {command.name} " in out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself_with_the_sentence_of_the_list(capsys, command):
    assert main([command.name, "--help"]) == 0
    usage, _blank, sentence, *_rest = capsys.readouterr().out.split("\n")
    assert usage.startswith(f"Usage: penstock {command.name}")
    assert sentence == command.help


def test_help_of_a_command_of_a_command(capsys):
    assert main(["offer", "publish", "-h"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: penstock offer publish MODEL PRICE [OPTIONS]\n")
    assert "\n  --granularity GRANULARITY  Started units of time that are charged. [default: 1s]\n" in out
    assert "\nCommon options:\n  --url URL " in out


def test_help_in_chinese(capsys, monkeypatch):
    monkeypatch.setenv("PENSTOCK_LANG", "zh")
    assert main(["offer", "withdraw", "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("用法：penstock offer withdraw OFFER [OPTIONS]\n\n停止按此价格出售")


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["flete"], "there is no command flete; did you mean fleet?"),
        (["fleet", "sell"], "there is no command sell"),
        (["ps", "--jsn"], "there is no option --jsn; did you mean --json?"),
        (["offer", "publish", "A100"], "PRICE is missing"),
        (["ps", "--tenant"], "--tenant needs a value"),
        (["ps", "--tenant", "a", "--tenant", "b"], "--tenant is given twice"),
        (["show", "a", "b"], "nothing is expected at b"),
        (["logs", "j", "--rank", "first"], "'first' does not fit --rank"),
        (["fleet", "set", "d", "broken"], "'broken' does not fit STATE; choose from planned"),
        (["invoice", "credit", "i", "5"], "--reason is missing"),
    ],
)
def test_what_is_typed_wrongly_ends_with_2_and_says_what(capsys, tokens, said):
    assert main(tokens) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"penstock: {said}")


@pytest.mark.parametrize(
    ("tokens", "code", "where"),
    [
        (["offer", "publish", "A100", "1.2345678"], "amount_too_precise", "PRICE"),
        (["tenant", "pay", "acme", "10.001"], "amount_too_precise", "AMOUNT"),
        (["quote", "A100:0", "--hours", "1"], "accelerators_malformed", "ACCELERATORS"),
        (["quote", "A100", "--from", "soon"], "time_malformed", "--from"),
        (["charges", "--last", "1d", "--from", "2026-11-01"], "window_twice", "--last"),
        (["ladder", "--last", "forever"], "duration_malformed", "--last"),
        (["invoice", "issue", "acme"], "period_missing", "--month"),
        (["invoice", "issue", "acme", "--month", "11"], "month_malformed", "--month"),
        (["fleet", "import", "/nowhere.csv"], "file_unreadable", "/nowhere.csv"),
        (["show", ".."], "id_malformed", None),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(capsys, tokens, code, where):
    assert main([*tokens, "--url", NOBODY]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"refused [{code}]: ")
    assert where is None or f"  where: {where}\n" in captured.err
    assert main([*tokens, "--url", NOBODY, "--json"]) == 1
    refusal = json.loads(capsys.readouterr().out)["refusals"][0]
    assert (refusal["code"], refusal.get("where")) == (code, where)


def test_no_centre_ends_with_3(capsys):
    assert main(["ps", "--url", NOBODY]) == 3
    assert capsys.readouterr().err.startswith("refused [server_unreachable]: http://127.0.0.1:9: ")
    assert main(["ps", "--url", NOBODY, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["refusals"][0]["code"] == "server_unreachable"


def test_a_token_is_only_known_for_its_own_centre(tmp_path):
    path = credentials.save_credentials("http://one", "pst_one")
    credentials.save_credentials("http://two", "pst_two")
    assert path.stat().st_mode & 0o777 == 0o600
    assert credentials.resolve(None, None) == ("http://two", "pst_two")
    assert credentials.resolve("http://one/", None) == ("http://one", "pst_one")
    assert credentials.resolve("http://three", None) == ("http://three", "")


def test_options_come_before_the_environment_and_that_before_the_file(monkeypatch):
    credentials.save_credentials("http://file", "pst_file")
    monkeypatch.setenv("PENSTOCK_URL", "http://env")
    monkeypatch.setenv("PENSTOCK_TOKEN", "pst_env")
    assert credentials.resolve(None, None) == ("http://env", "pst_env")
    assert credentials.resolve("http://option", "pst_option") == ("http://option", "pst_option")
    monkeypatch.delenv("PENSTOCK_TOKEN")
    assert credentials.resolve(None, None) == ("http://env", "")


def test_the_default_centre_is_on_this_host():
    assert credentials.resolve(None, None) == ("http://127.0.0.1:8470", "")


def test_a_broken_credentials_file_is_refused():
    credentials.save_credentials("http://file", "pst_file").write_text("{")
    with pytest.raises(Refused, match="credentials_unreadable"):
        credentials.resolve(None, None)


def test_the_place_in_a_file_is_shown_with_a_caret(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("name: train\n\t数据: [x\n")
    assert excerpt(f"{path}:2:4") == ["     2 |  数据: [x", "       |      ^"]
    assert excerpt(f"{path}:9:1") == []


def test_places_in_csv_count_fields(tmp_path):
    path = tmp_path / "fleet.csv"
    path.write_text('node,model,count\n"n, 1",h2000,8\n')
    assert excerpt(f"{path}:2:2")[1] == "       | " + " " * len('"n, 1",') + "^"
    assert excerpt(f"{path}:2:9")[1] == "       | " + " " * len('"n, 1",h2000,') + "^"


def test_a_place_that_is_none_is_not_shown():
    assert excerpt("resources.accelerators") == []


def modules_after(*tokens: str) -> set[str]:
    """What is imported by a command line, in an interpreter of its own."""
    script = (
        "import sys\nfrom penstock.cli.main import main\n"
        f"status = main({list(tokens)!r})\nprint(*sys.modules, sep='\\n', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    return set(done.stderr.split())


def test_help_imports_no_parser():
    assert modules_after("--help").isdisjoint({*HEAVY, "cyclopts", "httpx", "msgspec"})


@pytest.mark.parametrize(
    "tokens",
    [
        ["ps", "--help"],
        ["ps"],
        ["fleet", "list"],
        ["why", "j"],
        ["ladder"],
        ["invoice", "list"],
        ["ledger", "check"],
    ],
    ids=" ".join,
)
def test_commands_that_only_talk_to_the_api_import_nothing_heavy(tokens):
    options = [] if "--help" in tokens else ["--url", NOBODY]
    loaded = modules_after(*tokens, *options)
    assert loaded.isdisjoint({*HEAVY, "click", "pygments"})
    assert loaded.isdisjoint({"penstock.app", "penstock.store", "penstock.web", "penstock.engines"})
