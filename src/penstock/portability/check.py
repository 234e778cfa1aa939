"""The check: contents of files and targets in, a report out. Nothing is run, nothing is read from outside."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch

import msgspec

from penstock.portability.analyse import FileFacts, analyse, kind_of
from penstock.portability.model import Finding, Guard, Options, Report, Skipped
from penstock.portability.reach import Graph, Modules, entry_points, reached
from penstock.portability.targets import Target
from penstock.portability.verdict import judge, settle_requirements

_NOTHING = Options()


def check(files: Mapping[str, bytes], targets: Sequence[Target], options: Options = _NOTHING) -> Report:
    """Check files, by path with `/` from the root of the tree, for each target."""
    return conclude(facts_of(files, options), targets, options)


def facts_of(files: Mapping[str, bytes], options: Options = _NOTHING) -> list[FileFacts]:
    """Each file by itself; a caller with several processes calls `analyse` in them instead."""
    return [analyse(path, data) for path, data in files.items() if is_wanted(path, options)]


def is_wanted(path: str, options: Options) -> bool:
    """Whether a file is of a kind that rules speak of and not excluded by a pattern such as `third_party/*`."""
    return kind_of(path) != "" and not any(fnmatch(path, pattern) for pattern in options.exclude)


def conclude(facts: Iterable[FileFacts], targets: Sequence[Target], options: Options = _NOTHING) -> Report:
    """Put the files together: follow imports, settle guards, judge each target."""
    known = sorted(facts, key=lambda f: f.path)
    graph = Graph(known)
    entries = options.entries or entry_points(graph)
    guards = reached(graph, entries)
    findings = settle_requirements(
        _settled(finding, guards)
        for fact in known
        for finding in fact.findings
        if finding.rule not in options.ignore and not _is_own(finding, graph.modules)
    )
    return Report(
        findings=tuple(findings),
        targets=tuple(judge(findings, target) for target in targets),
        entries=tuple(entries),
        files_read=sum(not f.error for f in known),
        files_unreached=sum(f.path not in guards for f in known if f.kind == "python" and not f.error),
        skipped=tuple(Skipped(f.path, f.error) for f in known if f.error),
    )


def _settled(finding: Finding, guards: Mapping[str, Guard]) -> Finding:
    """The finding with the guard of its file where it has none of its own."""
    of_file = guards.get(finding.path, Guard.UNREACHED)
    if of_file is Guard.NONE or finding.guard in {Guard.DEAD, Guard.DOCUMENTATION}:
        return finding
    if finding.guard is Guard.NONE or of_file is Guard.UNREACHED:
        return msgspec.structs.replace(finding, guard=of_file)
    return finding


def _is_own(finding: Finding, own: Modules) -> bool:
    """Whether a finding about an import, or about a function by its name, is about a module of the tree itself."""
    if finding.variant == "requirement" or not finding.subject:
        return False
    return own.of(finding.subject, finding.path.rpartition("/")[0]) != ""
