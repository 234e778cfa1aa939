"""`penstock admin`: what only somebody on the centre's own host may do."""

from penstock.cli.app import tree

app = tree("admin")
app.command(
    "penstock.cli.up:set_admin_password",
    name="password",
    help="Set the admin password of this host's centre.",
)
