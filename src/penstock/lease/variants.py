"""One job on several software stacks: what it is on each, and what the platform tells it there."""

import re

import msgspec

from penstock.fleet.accelerators import Catalogue
from penstock.lease.job import JobSpec

_CPU = "cpu"
VISIBILITY = {
    "cuda": "CUDA_VISIBLE_DEVICES",
    "cann": "ASCEND_RT_VISIBLE_DEVICES",
    "corex": "CUDA_VISIBLE_DEVICES",
    "neuware": "MLU_VISIBLE_DEVICES",
    "dtk": "HIP_VISIBLE_DEVICES",
    "rocm": "HIP_VISIBLE_DEVICES",
    "xpu": "XPU_VISIBLE_DEVICES",
    "musa": "MUSA_VISIBLE_DEVICES",
    "birensupa": "SUPA_VISIBLE_DEVICES",
    "topsrider": "TOPS_VISIBLE_DEVICES",
    "maca": "CUDA_VISIBLE_DEVICES",
    "ppu": "CUDA_VISIBLE_DEVICES",
    "synapse": "HABANA_VISIBLE_MODULES",
}
"""The variable that asks a stack's runtime to show a program only some devices."""


def on_stack(spec: JobSpec, stack: str) -> JobSpec:
    """The job as it runs on devices of a stack: its variant laid over it, where it has one."""
    variant = spec.variants.get(stack)
    if variant is None:
        return spec
    return msgspec.structs.replace(
        spec,
        setup=variant.setup or spec.setup,
        run=variant.run or spec.run,
        env={**spec.env, **variant.env},
        image=variant.image or spec.image,
    )


def images(spec: JobSpec) -> dict[str, str]:
    """The field that names it -> image, for each that the job may run in."""
    named = {"image": spec.image} | {
        f"variants.{name}.image": one.image for name, one in spec.variants.items()
    }
    return {field: image for field, image in named.items() if image}


def stack_environment(stack: str, known: Catalogue) -> dict[str, str]:
    """What a program is told of the stack under it, so that one program can serve several.

    PENSTOCK_STACK is the catalogue's name, PENSTOCK_TORCH_DEVICE the type of device for PyTorch ('npu'),
    PENSTOCK_TORCH_PLUGIN the module to import for it ('' where none is needed) and PENSTOCK_COLLECTIVE the
    back end for torch.distributed ('hccl').
    """
    entry = next((one for one in known.values() if one.stack == stack), None)
    device = _word(entry.torch_device) if entry else ""
    return {
        "PENSTOCK_STACK": stack,
        "PENSTOCK_TORCH_DEVICE": device or _CPU,
        "PENSTOCK_TORCH_PLUGIN": plugin(entry.torch_package) if entry else "",
        "PENSTOCK_COLLECTIVE": _backend(device, _word(entry.collective)) if entry else "gloo",
    }


def plugin(torch_package: str) -> str:
    """The module that brings a stack to PyTorch, by the catalogue's words: 'torch_npu'; '' for builds of torch."""
    word = _word(torch_package)
    if word == "habana_frameworks":
        return "habana_frameworks.torch"
    return word if re.fullmatch(r"torch_[a-z]+", word) else ""


def _backend(device: str, collective: str) -> str:
    """Builds of PyTorch that present themselves as CUDA call their collective library nccl."""
    return "nccl" if device == "cuda" else collective


def _word(text: str) -> str:
    found = re.match(r"[A-Za-z_0-9]+", text)
    return found.group().lower() if found else ""
