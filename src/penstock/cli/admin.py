"""`penstock admin`: what only somebody on the centre's own host may do."""

from penstock.cli.app import tree

app = tree("admin")
app.command(
    "penstock.cli.up:set_admin_password",
    name="password",
    help="Set the admin password of a centre on this host; read from the terminal or standard input.",
)
app.command(
    "penstock.cli.up:issue_admin_token",
    name="token",
    help="Print a new admin token of a centre on this host; the centre must be stopped.",
)
