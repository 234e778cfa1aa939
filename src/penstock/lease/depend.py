"""Jobs that wait for other jobs: which they still wait for, and which can never come to pass any more."""

from collections.abc import Mapping

from penstock.lease.job import FINAL_JOB_STATES, Job, JobState

SUCCESS, FAILURE, END = "success", "failure", "end"
ENDS = (SUCCESS, FAILURE, END)
"""How another job may have to end: well, not well, or either."""
WAITS_FOR_JOBS = "waits_for_jobs"
"""Why it is not placed yet."""
HOPELESS = "dependency"
"""Why it is cancelled: a job ended otherwise than this one needs."""


def unmet(job: Job, states: Mapping[str, JobState]) -> tuple[str, ...]:
    """The jobs whose end it still waits for. `states` are those of the jobs that it names."""
    return tuple(name for name in job.spec.after if states[name] not in FINAL_JOB_STATES)


def is_hopeless(job: Job, states: Mapping[str, JobState]) -> bool:
    """Whether a job that it names has ended otherwise than it needs."""
    return any(_fails(how, states[name]) for name, how in job.spec.after.items())


def _fails(how: str, state: JobState) -> bool:
    if state not in FINAL_JOB_STATES or how == END:
        return False
    return (state is JobState.SUCCEEDED) != (how == SUCCESS)
