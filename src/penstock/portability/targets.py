"""Targets: accelerators or families of the catalogue, or whole software stacks, as the rules see them."""

import difflib

import msgspec

from penstock.base.refusal import Refusal, invalid
from penstock.fleet.accelerators import Accelerator, Catalogue, catalogue, find

STACK_SHIMS = {
    "cann": "from torch_npu.contrib import transfer_to_npu",
    "musa": "import torchada",
    "neuware": "from torch_mlu.utils.gpu_migration import migration",
    "topsrider": "from torch_gcu import transfer_to_gcu",
    "synapse": "import habana_frameworks.torch.gpu_migration",
}
"""The one import that carries torch.cuda calls over. TopsRider: torch-gcu release notes; Synapse: background,
unverified; the others: sources of rule DEV-001."""
CUDA_COMPATIBLE = frozenset({"rocm", "dtk", "maca", "corex", "xpu", "ppu"})
_HAS_FP8 = frozenset(
    {
        "h100",
        "h800",
        "h20",
        "h200",
        "b200",
        "l20",
        "l40s",
        "rtx4090",
        "ascend950pr",
        "mtt-s5000",
        "mi300x",
        "gaudi3",
    }
)
"""Rule AMP-004 and notes of the catalogue; h800, h200, b200, l20 and rtx4090: background, unverified."""


class Target(msgspec.Struct, frozen=True):
    """Where a program shall run. `bf16` and `fp8`: whether the chip has them, None where the target names a
    whole stack whose chips differ."""

    id: str
    name: str
    stack: str
    bf16: bool | None = None
    fp8: bool | None = None

    @property
    def shim(self) -> str:
        """The import that carries torch.cuda code over, '' where there is none."""
        return STACK_SHIMS.get(self.stack, "")


def target(text: str, known: Catalogue | None = None) -> Target | Refusal:
    """A target by catalogue id (`ascend910b3`), family (`ascend910b`) or stack (`cann`)."""
    known = known or catalogue()
    wanted = text.strip().lower()
    chips = find(wanted, known)
    if chips:
        return _of_chips(wanted, chips)
    chips = tuple(a for a in known.values() if a.stack == wanted)
    if chips:
        return _of_chips(wanted, chips)
    names = [*known, *(a.family for a in known.values()), *(a.stack for a in known.values())]
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.4)
    remedy = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(sorted(known))}"
    return invalid("target_unknown", f"no accelerator, family or stack is called {text[:60]!r}", remedy, "to")


def targets(texts: tuple[str, ...], known: Catalogue | None = None) -> tuple[Target, ...] | Refusal:
    """Several, in the given order without repetition; the first unknown one refuses all."""
    found: dict[str, Target] = {}
    for text in texts:
        one = target(text, known)
        if isinstance(one, Refusal):
            return one
        found.setdefault(one.id, one)
    if not found:
        return invalid("target_missing", "no target was given", "name one, such as ascend910b", "to")
    return tuple(found.values())


def target_of(chip: Accelerator) -> Target:
    """One chip as a target, also where the built-in catalogue lacks it."""
    return _of_chips(chip.id, (chip,))


def _of_chips(wanted: str, chips: tuple[Accelerator, ...]) -> Target:
    stack = chips[0].stack
    if len({a.stack for a in chips}) > 1:
        return Target(wanted, wanted, stack)
    name = chips[0].name if len(chips) == 1 else wanted
    if stack == "cpu":
        return Target(wanted, name, stack, bf16=True, fp8=False)
    return Target(
        wanted, name, stack, bf16=_agreed(map(_has_bf16, chips)), fp8=_agreed(a.id in _HAS_FP8 for a in chips)
    )


def _has_bf16(chip: Accelerator) -> bool:
    return any(rate.precision == "bf16" for rate in chip.rates)


def _agreed(answers) -> bool | None:
    distinct = set(answers)
    return distinct.pop() if len(distinct) == 1 else None
