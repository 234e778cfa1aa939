"""The books as Beancount text, so that an accountant can check us with a program of another hand.

Beancount counts the other way round (a debit is positive) and is strict about names: segments of letters,
digits and dashes that begin with a capital or a digit. Days are UTC days.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from penstock.base.money import Micros, format_amount
from penstock.ledger.chart import kind_of
from penstock.ledger.model import Account, Transfer

_ROOTS = {"asset": "Assets", "liability": "Liabilities", "income": "Income", "equity": "Equity"}


def export(accounts: Iterable[Account], transfers: Iterable[Transfer]) -> str:
    """Every account, transfer and closing balance. `bean-check` accepts it if the ledger is in order."""
    accounts = sorted(accounts, key=lambda a: a.id)
    transfers = sorted(transfers, key=lambda t: (t.at, t.id))
    names = {account.id: account_name(account) for account in accounts}
    days = [t.at.date() for t in transfers] + [a.created_at.date() for a in accounts]
    opened, closed = min(days, default=date.min), max(days, default=date.min)
    lines = ['option "title" "Penstock ledger"']
    lines += [
        f'option "operating_currency" "{currency}"' for currency in sorted({a.currency for a in accounts})
    ]
    lines.append("")
    for account in accounts:
        lines += _open(account, names[account.id], opened)
    for transfer in transfers:
        lines += ["", *_transaction(transfer, names)]
    lines.append("")
    for account in accounts:
        amount = _amount(-account.balance_micros)
        lines.append(
            f"{closed + timedelta(days=1)} balance {names[account.id]}  {amount} ~ 0 {account.currency}"
        )
    return "\n".join(lines) + "\n"


def account_name(account: Account) -> str:
    """`tenant/acme/prepaid` as `Liabilities:Tenant:Acme:Prepaid`; different ids give different names."""
    return ":".join([_ROOTS[kind_of(account).nature], *map(_segment, account.id.split("/"))])


def _segment(text: str) -> str:
    """Ids are lower case, so a capital after the first letter is free to stand for what is not allowed."""
    return (text[:1].upper() + text[1:]).replace("_", "-U").replace(".", "-D")


def _open(account: Account, name: str, day: date) -> Iterator[str]:
    yield f"{day} open {name} {account.currency}"
    yield f"  id: {_quoted(account.id)}"


def _transaction(transfer: Transfer, names: dict[str, str]) -> Iterator[str]:
    yield f"{transfer.at.date()} * {_quoted(transfer.kind)} {_quoted(transfer.key)}"
    yield f"  id: {_quoted(transfer.id)}"
    yield f"  at: {_quoted(transfer.at.isoformat())}"
    if transfer.reverses is not None:
        yield f"  reverses: {_quoted(transfer.reverses)}"
    amount = _amount(transfer.amount_micros)
    yield f"  {names[transfer.debit]}  {amount} {transfer.currency}"
    yield f"  {names[transfer.credit]}  -{amount} {transfer.currency}"


def _amount(amount_micros: Micros) -> str:
    return format_amount(amount_micros, 6).replace(",", "")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
