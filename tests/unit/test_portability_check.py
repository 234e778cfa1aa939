"""Checks over whole trees: entry points, guards that come with imports, verdicts, and the scenarios."""

import pytest

from penstock.base.refusal import Refusal
from penstock.portability.check import check
from penstock.portability.model import Consequence, Options, Report, Verdict
from penstock.portability.rules import NO_REMEDY, rules
from penstock.portability.targets import target, targets

ASCEND = target("ascend910b")


def checked(files: dict[str, str], *ids: str, options: Options | None = None) -> Report:
    wanted = targets(ids or ("ascend910b",))
    assert not isinstance(wanted, Refusal)
    return check({path: text.encode() for path, text in files.items()}, wanted, options or Options())


def guards(report: Report) -> dict[str, str]:
    return {f"{f.path}:{f.line}": str(f.guard) for f in report.findings}


def test_imports_carry_guards_from_the_entry_points() -> None:
    report = checked(
        {
            "train.py": (
                "import plain\ntry:\n    import tried\nexcept ImportError:\n    pass\ndef f():\n    import lazy\n"
            ),
            "plain.py": "import deep\nx.cuda()\n",
            "deep.py": "x.cuda()\n",
            "tried.py": "x.cuda()\nimport below\n",
            "below.py": "x.cuda()\n",
            "lazy.py": "x.cuda()\n",
            "pkg/__init__.py": "",
            "pkg/unused.py": "x.cuda()\n",
            "tests/test_x.py": "x.cuda()\n",
        }
    )
    assert guards(report) == {
        "plain.py:2": "none",
        "deep.py:1": "none",
        "tried.py:1": "try",
        "below.py:1": "try",
        "lazy.py:1": "in_function",
        "pkg/unused.py:1": "unreached",
        "tests/test_x.py:1": "unreached",
    }
    assert report.entries == ("pkg/__init__.py", "train.py")
    assert report.files_unreached == 2


def test_one_unguarded_import_is_enough() -> None:
    files = {
        "a.py": "try:\n    import k\nexcept ImportError:\n    k = None\nimport b\n",
        "b.py": "import k\n",
        "k.py": "x.cuda()\n",
    }
    assert guards(checked(files)) == {"k.py:1": "none"}


ENTRIES = [
    ({"pyproject.toml": '[project]\nname = "x"\nscripts = {x = "x.cli:main"}\n'}, "x/cli.py"),
    ({"run.sh": "torchrun --nproc_per_node 8 x/cli.py --lr 1\n"}, "x/cli.py"),
    ({"Dockerfile": 'FROM python:3.12\nCMD ["python", "-m", "x.cli"]\n'}, "x/cli.py"),
    ({"setup.py": 'setup(entry_points={"console_scripts": ["x=x.cli:main"]})\n'}, "x/cli.py"),
    ({"x/__main__.py": "from x import cli\n"}, "x/__main__.py"),
]


@pytest.mark.parametrize(("files", "entry"), ENTRIES)
def test_entry_points(files: dict[str, str], entry: str) -> None:
    tree = {"x/__init__.py": "", "x/cli.py": "def main():\n    x.cuda()\n", **files}
    report = checked(tree)
    assert entry in report.entries
    assert guards(report) == {"x/cli.py:2": "none"}


def test_entries_can_be_named() -> None:
    files = {"a.py": "x.cuda()\n", "b.py": "x.cuda()\n"}
    report = checked(files, options=Options(entries=("b.py",)))
    assert guards(report) == {"a.py:1": "unreached", "b.py:1": "none"}


LOCAL_GUARDS = [
    ("if False:\n    x.cuda()\n", "dead"),
    ("def f():\n    return 1\n    x.cuda()\n", "dead"),
    ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import deepspeed\n", "type_checking"),
    ("if HAS_GPU:\n    x.cuda()\n", "availability"),
    ("if not args.no_cuda:\n    x.cuda()\n", "availability"),
    ("try:\n    import apex\nexcept ImportError:\n    raise RuntimeError('needs apex')\n", "none"),
    ("try:\n    import apex\nexcept ImportError:\n    pass\n", "try"),
    ("if not torch_ok.is_available():\n    raise SystemExit\nx.cuda()\n", "none"),
    ("def f(x):\n    if not is_available():\n        return x\n    return x.cuda()\n", "availability"),
    ("def main():\n    import apex\nmain()\n", "none"),
    (
        "def inner():\n    import apex\ndef main():\n    inner()\nif __name__ == '__main__':\n    main()\n",
        "none",
    ),
    ("def helper():\n    import apex\n", "in_function"),
    ("@skipUnless(cuda_there, 'no')\ndef f():\n    x.cuda()\n", "availability"),
    ("if config.use_flash:\n    import flash_attn\n", "option"),
    ("y = x.cuda() if use_cuda else x\n", "availability"),
    ("use_cuda and x.cuda()\n", "availability"),
    ("while has_cuda():\n    x.cuda()\n", "availability"),
    (
        "try:\n    import fast\n    there = 1\nexcept ImportError:\n    there = 0\nif there:\n    x.cuda()\n",
        "availability",
    ),
    ("if device == 'cpu':\n    pass\nelse:\n    x.cuda()\n", "none"),
]


@pytest.mark.parametrize(("source", "guard"), LOCAL_GUARDS)
def test_local_guards(source: str, guard: str) -> None:
    found = [
        f
        for f in checked({"a.py": source}).findings
        if f.rule in {"DEV-001", "LIB-004", "DST-007", "LIB-001"}
    ]
    assert [str(f.guard) for f in found] == [guard]


def test_a_module_of_the_tree_is_no_foreign_library() -> None:
    files = {
        "train.py": "from megatron import core\nimport apex\n",
        "megatron/__init__.py": "",
        "megatron/core.py": "",
    }
    assert [f.rule for f in checked(files).findings] == ["LIB-004"]


def test_a_requirement_weighs_as_its_library_is_used() -> None:
    needed = checked({"requirements.txt": "cupy-cuda12x\n", "a.py": "import cupy\n"}).targets[0]
    guarded = "try:\n    import cupy\nexcept ImportError:\n    cupy = None\n"
    optional = checked({"requirements.txt": "cupy-cuda12x\n", "a.py": guarded}).targets[0]
    assert (needed.verdict, optional.verdict) == (Verdict.REWRITE, Verdict.EDITS)
    assert optional.verdict_with_guarded is Verdict.REWRITE


VERDICTS = [
    ("x = 1\n", "ascend910b", Verdict.RUNS_AS_IS),
    ("import torch\ntorch.compile(m)\n", "ascend910b", Verdict.RUNS_AS_IS),
    ("x.cuda()\n", "ascend910b", Verdict.ONE_IMPORT),
    ("x.cuda()\n", "mlu370", Verdict.ONE_IMPORT),
    ("x.cuda()\n", "mtt-s4000", Verdict.ONE_IMPORT),
    ("x.cuda()\n", "metax-c500", Verdict.RUNS_AS_IS),
    ("x.cuda()\n", "mi300x", Verdict.RUNS_AS_IS),
    ("x.cuda()\n", "h100", Verdict.RUNS_AS_IS),
    ("x.cuda()\n", "br104", Verdict.EDITS),
    ("x.cuda()\n", "enflame-s60", Verdict.ONE_IMPORT),
    ("import torch\nok = torch.cuda.is_available()\n", "cpu", Verdict.RUNS_AS_IS),
    ("x.cuda()\n", "cpu", Verdict.EDITS),
    ("if x.device.type == 'cuda':\n    pass\n", "ascend910b", Verdict.EDITS),
    ("import mamba_ssm\n", "ascend910b", Verdict.REWRITE),
    ("import mamba_ssm\n", "mlu370", Verdict.CANNOT),
    ("import bitsandbytes\n", "mi300x", Verdict.RUNS_AS_IS),
    ("import bitsandbytes\n", "metax-c500", Verdict.REWRITE),
    ("import torch\nx = torch.bfloat16\n", "ascend910a", Verdict.EDITS),
    ("import torch\nx = torch.bfloat16\n", "v100", Verdict.EDITS),
    ("import torch\nx = torch.bfloat16\n", "ascend910b", Verdict.RUNS_AS_IS),
    ("import torch\nx = torch.float8_e4m3fn\n", "a100", Verdict.REWRITE),
    ("import torch\nx = torch.float8_e4m3fn\n", "h100", Verdict.RUNS_AS_IS),
    ("import torch\nx = torch.float8_e4m3fn\n", "ascend950pr", Verdict.RUNS_AS_IS),
]


@pytest.mark.parametrize(("source", "where", "verdict"), VERDICTS)
def test_verdicts(source: str, where: str, verdict: Verdict) -> None:
    assert checked({"a.py": source}, where).targets[0].verdict is verdict


def test_every_rule_has_a_consequence_a_remedy_and_a_source_for_every_stack() -> None:
    stacks = ("ascend910b", "mlu370", "mtt-s4000", "metax-c500", "mi300x", "h100", "br104", "gaudi3", "cpu")
    everything = {
        "a.py": "x.cuda()\nimport apex\nimport tensorrt\nif y.is_cuda:\n    pass\n",
        "requirements.txt": "xformers\n",
    }
    for report in checked(everything, *stacks).targets:
        assert all(e.remedy and e.consequence > Consequence.RUNS for e in report.effects)
    assert all(r.source and r.why and set(r.remedies) == set(r.consequences) for r in rules().values())
    assert any(e.remedy == NO_REMEDY for r in checked(everything, "br104").targets for e in r.effects)


def test_effort_grows_with_files_and_guards_count_only_at_the_high_end() -> None:
    one = checked({"a.py": "import xformers\n"}).targets[0].effort
    two = checked({"a.py": "import xformers\n", "b.py": "import xformers\n"}).targets[0].effort
    guarded = (
        checked({"a.py": "try:\n    import xformers\nexcept ImportError:\n    pass\n"}).targets[0].effort
    )
    assert (one.low_days, one.high_days) == (2.5, 5.0)
    assert (two.low_days, two.high_days) == (2.5, 10.0)
    assert (guarded.low_days, guarded.high_days) == (0.0, 5.0)


def test_findings_can_be_ignored_by_line_rule_and_path() -> None:
    files = {
        "a.py": (
            "x.cuda()  # penstock: ignore\ny.cuda()  # penstock: ignore[DEV-001]\nz.cuda()  # penstock: "
            "ignore[LIB-001]\n"
        ),
        "third_party/b.py": "x.cuda()\n",
    }
    assert guards(checked(files, options=Options(exclude=("third_party/*",)))) == {"a.py:3": "none"}
    assert not checked(files, options=Options(ignore=("DEV-001",))).findings


def test_unreadable_files_are_said_and_do_not_stop_the_rest() -> None:
    files = {"a.py": "x.cuda()\n", "old.py": "print 'cuda'\n"}
    report = check(
        {
            **{k: v.encode() for k, v in files.items()},
            "bin.py": b"\0\1\2",
            "deep.py": b"torch = " + b"(" * 5000,
        },
        (ASCEND,),
    )
    assert sorted(s.path for s in report.skipped) == ["bin.py", "deep.py", "old.py"]
    assert [f.path for f in report.findings] == ["a.py"]


def test_columns_count_characters() -> None:
    report = checked({"a.py": "名字 = x.cuda()\n", "k.yaml": "名: 值\nb: nccl\n"})
    assert [(f.path, f.line, f.column) for f in report.findings] == [("a.py", 1, 8), ("k.yaml", 2, 4)]


def test_unknown_targets_are_refused_with_the_nearest() -> None:
    refused = target("ascend910x")
    assert isinstance(refused, Refusal)
    assert refused.code == "target_unknown"
    assert "ascend910" in refused.remedy
    assert isinstance(targets(()), Refusal)
