"""`penstock why`: what a job waits for."""

from datetime import timedelta

from penstock.cli import formats
from penstock.cli.call import CALL, Call, understood
from penstock.cli.jobs import JobDetail, JobId
from penstock.cli.language import _
from penstock.cli.output import print_fields, print_json, print_table
from penstock.lease.job import Job, JobState
from penstock.placement.model import Option, Why


def why(job: JobId, /, *, call: Call = CALL) -> None:
    """Say what a job waits for, when it would start, and what would start it sooner."""
    with call.client() as client:
        answer = client.get("jobs", job, "why")
        if call.json:
            print_json(answer)
            return
        detail = understood(client.get("jobs", job), JobDetail)
    _print(detail.job, understood(answer, Why), call)


def _print(job: Job, why: Why, call: Call) -> None:
    waiting = job.state is JobState.QUEUED
    fields = [("job", job.id), ("state", formats.word(job.state))]
    if waiting:
        fields += [
            ("waits for", formats.word(why.reason) if why.reason else _("the next decision")),
            ("jobs ahead of it", str(why.ahead)),
            ("starts by", _start(why, call)),
        ]
        for name in why.after:
            fields += [("after the end of", name)]
    elif why.engine:
        fields += [("its engine waits for", why.engine)]
    print_fields(fields)
    if not waiting:
        return
    if why.counts:
        print()
        ordered = sorted(why.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        rows = [(formats.word(reason), str(count), meaning(reason)) for reason, count in ordered]
        print_table(("KEPT OUT BY", "DEVICES", "MEANS"), rows, right=(1,))
    if why.software:
        print()
        rows = [(model, ", ".join(rules)) for model, rules in why.software.items()]
        print_table(("ITS SOFTWARE DOES NOT RUN ON", "RULES"), rows)
    if why.options:
        print()
        print_table(
            ("IT WOULD START SOONER WITH", "FROM"),
            [(_change(o), call.time(o.starts_at)) for o in why.options],
        )


def _start(why: Why, call: Call) -> str:
    if not why.possible:
        return _("never: no set of devices of this centre fits it")
    if why.after:
        return _("not known: the jobs before it have not ended")
    return call.time(why.starts_by) if why.starts_by else _("not known: what runs before it has no known end")


def _change(option: Option) -> str:
    if option.change == "time_limit_s":
        return _("a time limit of {length}").format(
            length=formats.duration(timedelta(seconds=int(option.value)))
        )
    sentences = {"nodes": _("{value} nodes"), "model": _("model {value}"), "lease": _("a lease of {value}")}
    return sentences.get(option.change, f"{option.change} {{value}}").format(value=option.value)


def meaning(reason: str) -> str:
    """A reason code in a few words."""
    return {
        "too_large": _("fewer than the job needs, even if all were free"),
        "not_in_service": _("not in service, or not accepted"),
        "no_fit_model": _("another model"),
        "no_fit_memory": _("too little device memory"),
        "no_fit_host_memory": _("too little host memory left on the node"),
        "no_fit_cpu": _("too few CPU cores left on the node"),
        "no_fit_software": _("another software stack"),
        "no_fit_image": _("its engine runs no container images"),
        "no_fit_place": _("in another place"),
        "no_fit_price": _("too dear"),
        "no_fit_quota": _("over the quota of the tenant or project"),
        "no_fit_fragmentation": _("free, but too few together on a node"),
        "no_fit_topology": _("free, but not in one interconnect domain"),
        "too_few_free": _("free, but fewer than the job needs"),
        "lease_not_active": _("the lease has not begun, or is suspended"),
        "tenant_suspended": _("the tenant is suspended"),
        "busy": _("used by another job"),
        "leased": _("leased to somebody"),
        "reserved": _("leased to somebody before the job would end"),
        "promised": _("kept for a job that is ahead, before this one would end"),
    }.get(reason, "")
