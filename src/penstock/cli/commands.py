"""The commands by subject. Each is imported only when it is used, so that the others start quickly."""

from typing import NamedTuple


class Command(NamedTuple):
    """A command, where it is (module:attribute), and what it does in one sentence."""

    name: str
    path: str
    help: str

    @property
    def is_leaf(self) -> bool:
        """A function, whose docstring explains it; the others have commands of their own."""
        return not self.path.endswith(":app")


CENTRE = (
    Command("up", "penstock.cli.up:up", "Open a centre: REST API, loop and index page in one process."),
    Command(
        "demo", "penstock.cli.demo:demo", "Walk one real job from lease to invoice in a throw-away centre."
    ),
    Command("login", "penstock.cli.login:login", "Sign in to a centre and remember the token."),
    Command(
        "doctor", "penstock.cli.doctor:doctor", "Check this host, and say what to do about what is missing."
    ),
    Command("admin", "penstock.cli.admin:app", "Administer the centre of this host."),
    Command("completion", "penstock.cli.completion:app", "Complete commands and options in the shell."),
)
SALES = (
    Command("fleet", "penstock.cli.fleet:app", "Nodes and devices: list, import, calibrate, change states."),
    Command(
        "engine", "penstock.cli.engine:app", "Where jobs run: this host, and the clusters of the centre."
    ),
    Command("image", "penstock.cli.image:app", "Container images that jobs can run in."),
    Command("offer", "penstock.cli.offer:app", "Prices per card-hour of a model."),
    Command("price", "penstock.cli.price:app", "Price books: check, rate usage with them, publish, compare."),
    Command(
        "quote",
        "penstock.cli.quote:app",
        "Ask for devices over a time: whether they are free, from when they would be, and the price.",
    ),
    Command("lease", "penstock.cli.lease:app", "Guaranteed devices over a time."),
)
TENANTS = (
    Command("tenant", "penstock.cli.tenant:app", "Customers, their payments and balances."),
    Command("project", "penstock.cli.project:app", "Names under which a tenant's jobs are grouped."),
    Command("member", "penstock.cli.member:app", "People of a tenant."),
    Command("token", "penstock.cli.token:app", "Credentials of people and programs."),
    Command(
        "contract",
        "penstock.cli.contract:app",
        "Contracts: what a tenant agreed to buy, and what it comes to.",
    ),
    Command("voucher", "penstock.cli.voucher:app", "Compute vouchers and the programmes that grant them."),
    Command("volume", "penstock.cli.volume:app", "Named directories that jobs can mount."),
)
JOBS = (
    Command("run", "penstock.cli.run:run", "Check a job file and submit it."),
    Command("render", "penstock.cli.render:render", "Print a job file as manifests for Kubernetes."),
    Command("ps", "penstock.cli.jobs:list_jobs", "List jobs that have not ended."),
    Command("show", "penstock.cli.jobs:show_job", "Show a job and its attempts."),
    Command(
        "why",
        "penstock.cli.why:why",
        "Say what a job waits for, when it would start, and what would start it sooner.",
    ),
    Command(
        "logs",
        "penstock.cli.logs:logs",
        "Print what a task of a job has written to standard output and error.",
    ),
    Command(
        "stop",
        "penstock.cli.jobs:stop_job",
        "Stop a job for good: a waiting one at once, a running one after its grace.",
    ),
    Command("schema", "penstock.cli.schema:app", "Schemas of the files that people write."),
)
BOOKS = (
    Command("meter", "penstock.cli.meter:app", "What is counted besides card time."),
    Command(
        "usage", "penstock.cli.usage:app", "What was observed of jobs and leases, and what meters measured."
    ),
    Command("charges", "penstock.cli.usage:charges", "List what the usage costs, line by line."),
    Command("invoice", "penstock.cli.invoice:app", "Invoices and credit notes."),
    Command("budget", "penstock.cli.budget:app", "What a tenant means to spend in a month."),
    Command("export", "penstock.cli.export:export", "Write a table of the books as CSV or Parquet."),
    Command("ledger", "penstock.cli.ledger:app", "Accounts and transfers, and the check of both books."),
    Command(
        "ladder",
        "penstock.cli.ladder:ladder",
        "Show where every card-hour of a time went, in time and in money.",
    ),
    Command(
        "economics", "penstock.cli.economics:app", "What the centre earned and cost, from its own books."
    ),
    Command("alarms", "penstock.cli.alarms:alarms", "Say what costs money now, with figures and what to do."),
    Command(
        "lost",
        "penstock.cli.alarms:lost",
        "Show the demand that was refused or kept waiting, by what would have let it in.",
    ),
    Command("audit", "penstock.cli.audit:audit", "List who did what, oldest first."),
)
TOOLS = (
    Command(
        "plan", "penstock.cli.plan:app", "Rehearse a centre on this host, with the functions that run one."
    ),
    Command("port", "penstock.cli.port:app", "What it takes to move a program to another chip."),
)
GROUPS: dict[str, tuple[Command, ...]] = {
    "A centre": CENTRE,
    "Fleet and sales": SALES,
    "Tenants": TENANTS,
    "Jobs": JOBS,
    "The books": BOOKS,
    "Before building and moving": TOOLS,
}
COMMANDS = tuple(command for group in GROUPS.values() for command in group)
