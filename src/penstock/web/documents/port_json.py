"""A portability report as JSON: the report itself, findings once, targets with their effects."""

import msgspec

from penstock.portability.model import Effect, Finding, Report, TargetReport


def document(report: Report) -> bytes:
    """UTF-8 JSON with a line end. Effects name their finding by its index in `findings`."""
    numbers = {finding: index for index, finding in enumerate(report.findings)}
    value = {
        "version": 1,
        "entries": report.entries,
        "files_read": report.files_read,
        "files_unreached": report.files_unreached,
        "skipped": report.skipped,
        "findings": report.findings,
        "targets": [_target(target, numbers) for target in report.targets],
    }
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _target(target: TargetReport, numbers: dict[Finding, int]) -> dict[str, object]:
    plain = msgspec.structs.asdict(target)
    plain["rules"] = target.rules
    plain["effects"] = [_effect(effect, numbers) for effect in target.effects]
    return plain


def _effect(effect: Effect, numbers: dict[Finding, int]) -> dict[str, object]:
    return {
        "finding": numbers[effect.finding],
        "severity": effect.severity,
        "consequence": effect.consequence.name.lower(),
        "remedy": effect.remedy,
        "hazard": effect.hazard,
    }
