"""`penstock schema`: schemas of the files that people write, for editors."""

from penstock.billing.pricing.schema import document_schema
from penstock.cli.app import tree
from penstock.cli.output import print_json
from penstock.lease.jobfile.schema import job_schema

app = tree("schema")


@app.command
def job() -> None:
    """Print the JSON Schema of the job file."""
    print_json(job_schema())


@app.command
def price_book() -> None:
    """Print the JSON Schema of the price book."""
    print_json(document_schema("price-book"))


@app.command
def contract() -> None:
    """Print the JSON Schema of the contract."""
    print_json(document_schema("contract"))


@app.command
def voucher_programme() -> None:
    """Print the JSON Schema of the voucher programme."""
    print_json(document_schema("voucher-programme"))


@app.command
def plan() -> None:
    """Print the JSON Schema of the plan of a centre."""
    from penstock.insight.economics.schema import plan_schema

    print_json(plan_schema())
