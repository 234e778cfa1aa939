"""The options of Slurm's sbatch: which are translated, which do nothing here, which cannot be met."""

import difflib
import re
import shlex
from itertools import takewhile

import msgspec

from penstock.lease.jobfile.reading import Foreign, Reading

SHORT = {
    "A": "account",
    "a": "array",
    "B": "extra-node-info",
    "b": "begin",
    "C": "constraint",
    "c": "cpus-per-task",
    "D": "chdir",
    "d": "dependency",
    "e": "error",
    "F": "nodefile",
    "G": "gpus",
    "H": "hold",
    "i": "input",
    "J": "job-name",
    "k": "no-kill",
    "L": "licenses",
    "M": "clusters",
    "m": "distribution",
    "N": "nodes",
    "n": "ntasks",
    "O": "overcommit",
    "o": "output",
    "p": "partition",
    "Q": "quiet",
    "q": "qos",
    "S": "core-spec",
    "s": "oversubscribe",
    "t": "time",
    "v": "verbose",
    "W": "wait",
    "w": "nodelist",
    "x": "exclude",
}
TRANSLATED = (
    "array",
    "chdir",
    "constraint",
    "container-image",
    "cpus-per-gpu",
    "cpus-per-task",
    "dependency",
    "export",
    "gpus",
    "gpus-per-node",
    "gpus-per-task",
    "gres",
    "job-name",
    "mem",
    "mem-per-cpu",
    "mem-per-gpu",
    "nodes",
    "ntasks",
    "ntasks-per-node",
    "signal",
    "time",
)
ALIASES = {"tasks": "ntasks", "tasks-per-node": "ntasks-per-node", "workdir": "chdir"}
"""Names that sbatch takes, or took, beside those of its manual."""
_FLAGS = frozenset(
    [
        "contiguous",
        "exclusive",
        "get-user-env",
        "hold",
        "ignore-pbs",
        "no-kill",
        "no-requeue",
        "overcommit",
        "oversubscribe",
        "parsable",
        "quiet",
        "requeue",
        "reboot",
        "resv-ports",
        "spread-job",
        "stepmgr",
        "test-only",
        "use-min-nodes",
        "verbose",
        "wait",
        "x11",
    ]
)
"""Options without a value, or with one after `=` only."""

_GROUPS: dict[str, str] = {
    "the centre decides where a job runs": "partition clusters nodelist exclude nodefile switches contiguous "
    "spread-job use-min-nodes no-kill core-spec thread-spec extra-node-info sockets-per-node "
    "cores-per-socket reservation distribution tmp reboot batch cluster-constraint prefer power delay-boot "
    "segment consolidate-segments network",
    "tasks are bound to their devices": "cpu-bind mem-bind gpu-bind hint threads-per-core ntasks-per-core "
    "ntasks-per-socket overcommit oversubscribe cpu-freq gpu-freq accel-bind gres-flags tres-bind",
    "a job's devices are always its own": "exclusive",
    "output is kept by the platform: see `penstock logs`": "output error open-mode input",
    "name a project with --project": "account wckey",
    "remarks are not kept": "comment extra",
    "tenants never see each other's jobs": "mcs-label",
    "only directives of sbatch are read": "ignore-pbs",
    "all tasks begin together or not at all": "wait-all-nodes",
    "a job that waits in vain is cancelled": "kill-on-invalid-dep",
    "a task that runs out of memory ends its job": "oom-kill-step",
    "a port is kept for each job": "resv-ports",
    "steps are no matter of a centre": "stepmgr",
    "state changes are told by the API": "mail-type mail-user parsable quiet verbose wait",
    "jobs have one order of priority": "qos nice priority",
    "evicted and lost attempts are always tried again": "requeue",
    "nothing is sampled by other means": "profile acctg-freq",
    "variables of the submitter are not passed on": "get-user-env propagate export-file",
    "write a time limit": "time-min",
}
IGNORED = {name: Foreign(True, why) for why, names in _GROUPS.items() for name in names.split()}
_BUFFER = Foreign(False, "nothing is staged for a job", "put data on a volume, under volumes: of a job file")
REFUSED = {
    "bb": _BUFFER,
    "bbf": _BUFFER,
    "begin": Foreign(False, "jobs are placed when they can be", "submit it then, or lease from then on"),
    "container": Foreign(
        False,
        "no bundle of the submitter is run",
        "write image: in a job file, with an image that the centre has",
    ),
    "deadline": Foreign(False, "jobs have no deadline", "lease devices for the time when they are needed"),
    "container-mounts": Foreign(
        False, "nothing of a host is mounted", "write volumes: in a job file, with volumes of the tenant"
    ),
    "gid": Foreign(False, "jobs run as the user whom the node gives them", "leave it out"),
    "gpus-per-socket": Foreign(False, "sockets are not counted", "write --gpus-per-node"),
    "hold": Foreign(False, "jobs are not held", "submit it when it may run"),
    "licenses": Foreign(False, "no licences are counted", "leave it out"),
    "mincpus": Foreign(False, "a job names its cores", "write --cpus-per-task"),
    "no-requeue": Foreign(
        False, "evicted and lost attempts are tried again", "let the script run twice safely"
    ),
    "ntasks-per-gpu": Foreign(False, "it depends on what is given", "write --ntasks-per-node"),
    "tres-per-task": Foreign(False, "it has another form", "write --gpus-per-task and --cpus-per-task"),
    "test-only": Foreign(False, "it asks a question", "use `penstock run --check`"),
    "uid": Foreign(False, "jobs run as the user whom the node gives them", "leave it out"),
    "wrap": Foreign(False, "it is for the command line", "write the command into the script"),
    "x11": Foreign(False, "a job has no display", "leave it out"),
}

_DIRECTIVE = re.compile(r"#SBATCH(?=\s|$)(.*)")


class Given(msgspec.Struct, frozen=True):
    """An option's value and its place."""

    value: str
    where: str


type Options = dict[str, Given]


def read_options(reading: Reading, text: str, filename: str) -> Options:
    """The options that are translated; others are noted or refused. Directives end at the first command."""
    found: Options = {}
    commands = False
    for number, line in enumerate(text.split("\n"), 1):
        directive = _DIRECTIVE.match(line)
        where = f"{filename}:{number}:1"
        if directive is None:
            commands = commands or (bool(line.strip()) and not line.lstrip().startswith("#"))
        elif commands:
            reading.note(where, "#SBATCH is ignored after the first command, as Slurm does")
        else:
            _read_line(reading, found, directive.group(1), where)
    return found


def _read_line(reading: Reading, found: Options, text: str, where: str) -> None:
    if text.split()[:1] in (["hetjob"], ["packjob"]):
        reading.refuse(
            where, "option_untranslatable", "jobs of unlike parts are not run", "make each part a job"
        )
        return
    try:
        words = words_of(text)
    except ValueError:
        reading.refuse(where, "option_malformed", "a quote is not closed", "close it")
        return
    while words:
        word = words.pop(0)
        name, value = _name(word)
        if name is None:
            reading.refuse(
                where, "option_malformed", f"{word[:40]!r} is no option", "options begin with - or --"
            )
            return
        bare = value is None and name not in _FLAGS
        if bare and words and not words[0].startswith("-"):
            value = words.pop(0)
        _take(reading, found, name, Given(value or "", where))


def words_of(text: str) -> list[str]:
    """The words of a line up to a comment, which begins a word. Raises ValueError where a quote is not closed."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    return list(takewhile(lambda word: not word.startswith("#"), lexer))


def _name(word: str) -> tuple[str | None, str | None]:
    """The long name of an option, and its value where it is attached."""
    if word.startswith("--") and len(word) > 2:
        name, equals, value = word[2:].partition("=")
        return ALIASES.get(name, name), value if equals else None
    if word.startswith("-") and len(word) > 1:
        return SHORT.get(word[1], word[1]), word[2:].removeprefix("=") or None
    return None, None


def _take(reading: Reading, found: Options, name: str, given: Given) -> None:
    foreign = IGNORED.get(name) or REFUSED.get(name)
    if name in TRANSLATED:
        before = found.setdefault(name, given)
        if before.value != given.value:
            reading.refuse(
                given.where,
                "option_contradiction",
                f"--{name} is {before.value!r} at {before.where} and {given.value!r} here",
                "keep one of them",
            )
    elif foreign is None:
        close = difflib.get_close_matches(name[:40], (*TRANSLATED, *IGNORED, *REFUSED), n=1)
        remedy = f"did you mean --{close[0]}?" if close else "see the manual of sbatch"
        reading.refuse(given.where, "option_unknown", f"no option {name[:40]!r} of sbatch is known", remedy)
    elif foreign.ignored:
        reading.note(given.where, f"--{name} is ignored: {foreign.why}")
    else:
        reading.refuse(
            given.where,
            "option_untranslatable",
            f"--{name} cannot be met: {foreign.why}",
            foreign.remedy,
        )
