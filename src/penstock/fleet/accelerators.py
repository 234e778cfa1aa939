"""The built-in catalogue of accelerators: what their sheets claim, who says so, and how they are called.

Figures are claims until a calibration measured them. Where sources disagree, all of them are kept:
`Accelerator.rates` is the one that we compare with, `Accelerator.claims` are the others.
"""

import csv
import difflib
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal, get_args

import msgspec

from penstock.base.quantity import ComputeRate, Precision, Status

type Confidence = Literal["high", "medium", "low"]
type Catalogue = Mapping[str, "Accelerator"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision.__value__)
BYTES_PER_GIB = 2**30
_MEMORY_TOLERANCE = 0.12
"""Drivers report less than the sheet: error correction takes 6 %, the driver itself a little."""


class Claim(msgspec.Struct, frozen=True):
    """One more figure that somebody gives for an accelerator.

    `figure` is a precision (dense TFLOPS or TOPS), `memory_gb`, `memory_bw_gb_s`, `interconnect_gb_s` or
    `tdp_w`. A remark says what is special, e.g. `sparse`.
    """

    figure: str
    value: float
    status: Status
    confidence: Confidence
    source: str
    remark: str = ""


class Accelerator(msgspec.Struct, frozen=True, kw_only=True):
    """One model of card. Rates, memory and links are those of the whole card; 0 stands for unknown.

    `visible_devices` is the variable that shows a program only some devices, `device_files` are patterns of the
    files below /dev that it needs; both are for stacks of a site's own, as engines know those of the built-in data.
    """

    id: str
    family: str
    vendor: str
    name: str
    stack: str
    rates: tuple[ComputeRate, ...] = ()
    claims: tuple[Claim, ...] = ()
    memory_bytes: int = 0
    memory_type: str = ""
    memory_bandwidth_bytes_per_s: float = 0.0
    interconnect: str = ""
    interconnect_bytes_per_s: float = 0.0
    power_watts: float = 0.0
    devices_per_card: int = 1
    driver_names: tuple[str, ...] = ()
    software_stack: str = ""
    torch_package: str = ""
    torch_device: str = ""
    collective: str = ""
    kubernetes_resource: str = ""
    query_tool: str = ""
    visible_devices: str = ""
    device_files: tuple[str, ...] = ()
    confidence: Confidence = "high"
    source: str = ""
    notes: str = ""


CPU = Accelerator(
    id="cpu",
    family="cpu",
    vendor="",
    name="CPU cores",
    stack="cpu",
    torch_package="torch",
    torch_device="cpu",
    collective="gloo",
    notes="no nominal figures: what a core delivers is measured",
)


@cache
def catalogue() -> Catalogue:
    """Every accelerator of the built-in data by id, and `cpu`."""
    data = resources.files("penstock.fleet") / "data"
    return parse_catalogue(
        (data / "accelerators.csv").read_text("utf-8"), (data / "claims.csv").read_text("utf-8")
    )


def parse_catalogue(accelerators: str, claims: str = "") -> dict[str, Accelerator]:
    """Read the two tables; ValueError or KeyError where a table breaks its own form."""
    claimed: dict[str, list[Claim]] = {}
    for row in csv.DictReader(claims.splitlines()):
        claimed.setdefault(row.pop("id"), []).append(msgspec.convert(row, Claim, strict=False))
    found = {CPU.id: CPU}
    for row in csv.DictReader(accelerators.splitlines()):
        own = claimed.get(row["id"], [])
        family = claimed.get(row["family"], []) if row["family"] != row["id"] else []
        found[row["id"]] = parse_row(row, (*own, *family))
    return found


def find(text: str, known: Catalogue) -> tuple[Accelerator, ...]:
    """The accelerators that an id or a family names, in either case of letters; none if unknown."""
    wanted = text.strip().lower()
    if wanted in known:
        return (known[wanted],)
    return tuple(a for a in known.values() if a.family == wanted)


def nearest(text: str, known: Catalogue) -> str:
    """The known id that is most like the text, or ''."""
    close = difflib.get_close_matches(text.strip().lower(), known, n=1, cutoff=0.5)
    return close[0] if close else ""


def by_driver_name(name: str, memory_bytes: int, known: Catalogue) -> tuple[str, Accelerator | None]:
    """Model id of a card as its driver calls it, with its catalogue entry where there is one.

    A name that the catalogue lacks becomes an id of its own, and so does a known card with other
    memory (`a100-sxm4-40gb`): it is another product, with other figures.
    """
    wanted = _slug(name)
    for accelerator in known.values():
        if wanted in map(_slug, accelerator.driver_names):
            if abs(memory_bytes - accelerator.memory_bytes) <= _MEMORY_TOLERANCE * accelerator.memory_bytes:
                return accelerator.id, accelerator
            return f"{accelerator.id}-{round(memory_bytes / BYTES_PER_GIB)}gb", None
    return wanted or "unknown", None


def device_rates(accelerator: Accelerator) -> tuple[ComputeRate, ...]:
    """Nominal rates of one device: a package of two devices has half on each."""
    share = accelerator.devices_per_card
    return tuple(msgspec.structs.replace(r, tflops=r.tflops / share) for r in accelerator.rates)


def is_sparse_figure(accelerator: Accelerator, precision: Precision, tflops: float) -> bool:
    """Whether a claimed rate is the sheet's sparse one: twice the dense rate, within 2 %."""
    dense = [r.tflops for r in accelerator.rates if r.precision == precision]
    return any(abs(tflops - 2 * d) <= 0.02 * 2 * d for d in dense)


def parse_row(cells: Mapping[str, str], claims: tuple[Claim, ...] = ()) -> Accelerator:
    """One row of the table; columns that it lacks count as empty. ValueError or KeyError where it breaks its form."""
    row = dict.fromkeys(COLUMNS, "") | dict(cells)
    rates = _row_rates(row)
    completing = tuple(
        ComputeRate(p, c.value, c.status, c.source)
        for p in PRECISIONS
        for c in claims
        if c.figure == p
        and c.status != "measured"
        and c.remark != "sparse"
        and p not in {r.precision for r in rates}
    )
    return Accelerator(
        id=row["id"],
        family=row["family"] or row["id"],
        vendor=row["vendor"],
        name=row["model"],
        stack=row["stack"],
        rates=rates + completing,
        claims=claims,
        memory_bytes=round(_number(row["memory_gb"]) * BYTES_PER_GIB),
        memory_type=row["memory_type"],
        memory_bandwidth_bytes_per_s=_number(row["memory_bw_gb_s"]) * 1e9,
        interconnect=row["interconnect"],
        interconnect_bytes_per_s=_number(row["interconnect_gb_s"]) * 1e9,
        power_watts=_number(row["tdp_w"]),
        devices_per_card=int(row["devices_per_card"] or 1),
        driver_names=tuple(filter(None, row["driver_names"].split("|"))),
        software_stack=row["software_stack"],
        torch_package=row["torch_package"],
        torch_device=row["torch_device"],
        collective=row["collective"],
        kubernetes_resource=row["k8s_resource"],
        query_tool=row["query_tool"],
        visible_devices=_variable(row["visible_devices"]),
        device_files=tuple(map(_device_file, filter(None, row["device_files"].split("|")))),
        confidence=msgspec.convert(row["confidence"] or "low", Confidence),
        source=row["source"],
        notes=row["notes"],
    )


COLUMNS = [
    "family",
    "bf16",
    "rate_status",
    "fp16_bf16_dense_tflops",
    "fp32_tflops",
    "int8_dense_tops",
    "memory_gb",
    "memory_type",
    "memory_bw_gb_s",
    "interconnect",
    "interconnect_gb_s",
    "tdp_w",
    "devices_per_card",
    "driver_names",
    "software_stack",
    "torch_package",
    "torch_device",
    "collective",
    "k8s_resource",
    "query_tool",
    "visible_devices",
    "device_files",
    "confidence",
    "notes",
]


def _row_rates(row: dict[str, str]) -> tuple[ComputeRate, ...]:
    half: tuple[Precision, ...] = ("fp16", "bf16") if row["bf16"] == "yes" else ("fp16",)
    columns: tuple[tuple[Precision, str], ...] = (
        ("fp32", "fp32_tflops"),
        *((p, "fp16_bf16_dense_tflops") for p in half),
        ("int8", "int8_dense_tops"),
    )
    return tuple(
        ComputeRate(precision, float(row[column]), _rate_status(row, column), row["source"])
        for precision, column in columns
        if row[column]
    )


def _rate_status(row: dict[str, str], column: str) -> Status:
    return "derived" if row["rate_status"] == "derived" and column.startswith("fp16") else "claimed"


def _variable(name: str) -> str:
    if name and not re.fullmatch(r"[A-Z][A-Z0-9_]*_(VISIBLE_)?(DEVICES|MODULES)", name):
        raise ValueError(f"{name[:40]!r} is no name of a variable such as X_VISIBLE_DEVICES")
    return name


def _device_file(pattern: str) -> str:
    if not re.fullmatch(r"/dev(/[\w*-]+)+", pattern):
        raise ValueError(f"{pattern[:40]!r} is no pattern of files below /dev")
    return pattern


def _number(text: str) -> float:
    return float(text) if text else 0.0


def _slug(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return re.sub(r"^(nvidia-|tesla-|geforce-)+", "", words)[:48]
