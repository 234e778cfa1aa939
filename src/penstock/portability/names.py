"""Which names in Python belong to which rule: qualified names, modules, keywords, strings."""

import re

PLAIN_TORCHVISION = (
    "torchvision.ops.misc",
    "torchvision.ops.stochastic_depth",
    "torchvision.ops.feature_pyramid_network",
)
"""Modules of torchvision.ops without kernels of their own."""
QUALIFIED = {
    "torch.cuda.is_available": "DEV-003",
    **dict.fromkeys(
        (
            "torch.cuda.set_device",
            "torch.cuda.current_device",
            "torch.cuda.device_count",
            "torch.cuda.device",
            "torch.cuda.device_of",
            "torch.cuda.get_device_name",
            "torch.cuda.init",
            "torch.cuda.is_initialized",
        ),
        "DEV-005",
    ),
    **dict.fromkeys(
        (
            "torch.cuda.get_device_capability",
            "torch.cuda.get_device_properties",
            "torch.cuda.get_arch_list",
        ),
        "DEV-006",
    ),
    **dict.fromkeys(
        (
            "torch.cuda.memory_allocated",
            "torch.cuda.max_memory_allocated",
            "torch.cuda.memory_reserved",
            "torch.cuda.max_memory_reserved",
            "torch.cuda.mem_get_info",
            "torch.cuda.memory_stats",
            "torch.cuda.memory_summary",
            "torch.cuda.memory_snapshot",
            "torch.cuda.reset_peak_memory_stats",
            "torch.cuda.reset_max_memory_allocated",
            "torch.cuda.set_per_process_memory_fraction",
            "torch.cuda.empty_cache",
            "torch.cuda.ipc_collect",
        ),
        "DEV-007",
    ),
    **dict.fromkeys(
        (
            "torch.cuda.manual_seed",
            "torch.cuda.manual_seed_all",
            "torch.cuda.seed",
            "torch.cuda.seed_all",
            "torch.cuda.initial_seed",
            "torch.cuda.get_rng_state",
            "torch.cuda.set_rng_state",
            "torch.cuda.get_rng_state_all",
            "torch.cuda.set_rng_state_all",
        ),
        "DEV-008",
    ),
    **dict.fromkeys(
        (
            "torch.cuda.Stream",
            "torch.cuda.Event",
            "torch.cuda.stream",
            "torch.cuda.current_stream",
            "torch.cuda.default_stream",
            "torch.cuda.set_stream",
            "torch.cuda.synchronize",
        ),
        "DEV-009",
    ),
    "torch.set_float32_matmul_precision": "DEV-012",
    **dict.fromkeys(
        ("torch.float64", "torch.double", "torch.complex64", "torch.complex128", "torch.cfloat"), "DEV-014"
    ),
    "torch.channels_last": "DEV-015",
    "torch.channels_last_3d": "DEV-015",
    "torch.jit.script": "DEV-016",
    "torch.jit.trace": "DEV-016",
    "torch.compile": "DEV-017",
    "torch.cuda.CUDAGraph": "DEV-018",
    "torch.cuda.graph": "DEV-018",
    "torch.cuda.graphs": "DEV-018",
    "torch.cuda.make_graphed_callables": "DEV-018",
    "torch.nn.DataParallel": "DST-005",
    "torch.nn.parallel.DataParallel": "DST-005",
    "torch.distributed.ProcessGroupNCCL": "DST-006",
    "torch.cuda.nccl": "DST-006",
    "torch.cuda.amp": "AMP-001",
    "torch.bfloat16": "AMP-003",
    "torch.cuda.is_bf16_supported": "AMP-003",
    "faiss.StandardGpuResources": "LIB-011",
    "triton.jit": "LIB-005",
    "triton.autotune": "LIB-005",
    "torchvision.ops": "LIB-016",
    **dict.fromkeys(PLAIN_TORCHVISION, ""),
    "torch.ops.torchvision": "LIB-016",
    "numba.cuda": "LIB-018",
    "torch.utils.cpp_extension.CUDAExtension": "EXT-001",
    "torch.utils.cpp_extension.load": "EXT-001",
    "torch.utils.cpp_extension.load_inline": "EXT-001",
    "torch.utils.cpp_extension.CUDA_HOME": "BLD-001",
    "torch.load": "DAT-002",
    "torch.profiler.ProfilerActivity.CUDA": "PRF-001",
    "torch.cuda.profiler": "PRF-001",
    "torch.cuda.nvtx": "PRF-001",
    "nvtx": "PRF-001",
}
"""A name matches when it is one of these or lies below it; the longest wins."""
PREFIXES = (
    ("torch.backends.cudnn", "DEV-011"),
    ("torch.float8_", "AMP-004"),
    ("faiss.index_cpu_to_gpu", "LIB-011"),
    ("faiss.GpuIndex", "LIB-011"),
)
TYPED_TENSOR = re.compile(r"torch\.cuda\.(sparse\.)?[A-Z][A-Za-z0-9]*Tensor")
FUSED_NAME = re.compile(
    r"(Fused(Adam\w*|LAMB|SGD|LayerNorm|RMSNorm)|fused_(adam\w*|layer_norm\w*)|MixedFusedLayerNorm)"
)
FP8_NAME = re.compile(r"(?<![a-z0-9])_?(fp8|float8)(?![0-9a-z])", re.IGNORECASE)

LIBRARIES = {
    "deepspeed": "DST-007",
    "megatron": "DST-008",
    "transformer_engine": "DST-008",
    "flash_attn": "LIB-001",
    "flash_attn_2_cuda": "LIB-001",
    "flash_attn_interface": "LIB-001",
    "flash_attn_3": "LIB-001",
    "xformers": "LIB-002",
    "bitsandbytes": "LIB-003",
    "apex": "LIB-004",
    "triton": "LIB-005",
    "tensorrt": "LIB-006",
    "tensorrt_llm": "LIB-006",
    "torch_tensorrt": "LIB-006",
    "torch2trt": "LIB-006",
    "cupy": "LIB-007",
    "cupyx": "LIB-007",
    "nvidia.dali": "LIB-008",
    "pynvml": "LIB-009",
    "nvidia_smi": "LIB-009",
    "vllm": "LIB-010",
    "auto_gptq": "LIB-012",
    "gptqmodel": "LIB-012",
    "gptq": "LIB-012",
    "awq": "LIB-012",
    "awq_ext": "LIB-012",
    "exllama_kernels": "LIB-012",
    "exllamav2": "LIB-012",
    "exllamav2_kernels": "LIB-012",
    "exllama": "LIB-012",
    "marlin": "LIB-012",
    "gptqmodel_marlin_kernels": "LIB-012",
    "mamba_ssm": "LIB-013",
    "causal_conv1d": "LIB-013",
    "causal_conv1d_cuda": "LIB-013",
    "selective_scan_cuda": "LIB-013",
    "selective_scan": "LIB-013",
    "spconv": "LIB-014",
    "torchsparse": "LIB-014",
    "MinkowskiEngine": "LIB-014",
    "torch_scatter": "LIB-014",
    "torch_sparse": "LIB-014",
    "pytorch3d": "LIB-014",
    "diff_gaussian_rasterization": "LIB-014",
    "tinycudann": "LIB-014",
    "mmcv": "LIB-015",
    "torchvision.ops": "LIB-016",
    **dict.fromkeys(PLAIN_TORCHVISION, ""),
    "cudf": "LIB-017",
    "cuml": "LIB-017",
    "cugraph": "LIB-017",
    "dask_cudf": "LIB-017",
    "numba.cuda": "LIB-018",
    "pycuda": "LIB-018",
    "cutlass": "EXT-006",
    "torch.cuda.amp": "AMP-001",
    "torch.cuda.nccl": "DST-006",
    "torch.cuda.nvtx": "PRF-001",
    "torch.cuda.profiler": "PRF-001",
    "nvtx": "PRF-001",
    "torch.utils.cpp_extension.CUDA_HOME": "BLD-001",
}
"""Modules, or names in them, whose import is a finding; '' for those below them that are plain Python."""
DISTRIBUTIONS = {
    **{name.replace("_", "-").lower(): rule for name, rule in LIBRARIES.items() if rule and "." not in name},
    "marlin": "",
    "megatron-core": "DST-008",
    "autoawq": "LIB-012",
    "autoawq-kernels": "LIB-012",
    "auto-gptq": "LIB-012",
    "bitsandbytes-cuda": "LIB-003",
    "nvidia-ml-py": "LIB-009",
    "nvidia-ml-py3": "LIB-009",
    "gpustat": "LIB-009",
    "faiss-gpu": "LIB-011",
    "mmcv-full": "LIB-015",
    "mmcv-lite": "",
    "nvidia-cutlass": "EXT-006",
    "nvidia-cutlass-dsl": "EXT-006",
    "torch-tensorrt": "LIB-006",
    "cudatoolkit": "BLD-003",
    "pytorch-cuda": "BLD-003",
    "nvidia-tensorrt": "LIB-006",
}
"""Distributions, names normalised, whose requirement is a finding; '' takes one out that only shares a name."""
DISTRIBUTION_PREFIXES = (
    ("cupy-cuda", "LIB-007"),
    ("nvidia-dali", "LIB-008"),
    ("tensorrt-", "LIB-006"),
    ("faiss-gpu", "LIB-011"),
    ("transformer-engine", "DST-008"),
    ("spconv-", "LIB-014"),
    ("cudf-cu", "LIB-017"),
    ("cuml-cu", "LIB-017"),
    ("cugraph-cu", "LIB-017"),
    ("rapids", "LIB-017"),
    ("nvidia-cublas", "BLD-003"),
    ("nvidia-cudnn", "BLD-003"),
    ("nvidia-nccl", "BLD-003"),
    ("nvidia-cuda", "BLD-003"),
)

TRIGGERS = tuple(
    word.encode()
    for word in (
        "torch", "cuda", "CUDA", "nccl", "NCCL", "deepspeed", "megatron", "transformer_engine", "bf16", "bfloat16",
        "fp8", "FP8", "float8", "flash_att", "xformers", "bitsandbytes", "load_in_", "apex", "triton", "tensorrt",
        "cupy", "nvidia", "pynvml", "vllm", "faiss", "gptq", "awq", "exllama", "marlin", "mamba_ssm", "causal_conv1d",
        "selective_scan", "spconv", "Minkowski", "diff_gaussian", "tinycudann", "mmcv", "cudf", "cuml", "cugraph",
        "cutlass", "nvcc", "gencode", "pin_memory", "nvtx", "Fused", "fused_adam", "fused_layer_norm",
    )
)  # fmt: skip
"""A Python file without any of these has no finding; its imports are followed all the same."""


def rule_of_name(name: str) -> str:
    """The rule of a qualified name, '' where there is none."""
    if TYPED_TENSOR.fullmatch(name):
        return "DEV-013"
    below = name
    while below:
        rule = QUALIFIED.get(below)
        if rule is not None:
            return rule
        below = below.rpartition(".")[0]
    return next((rule for prefix, rule in PREFIXES if name.startswith(prefix)), "")


def rule_of_module(name: str) -> str:
    """The rule of an imported module or name in it, '' where there is none."""
    below = name
    while below:
        rule = LIBRARIES.get(below)
        if rule is not None:
            return rule
        below = below.rpartition(".")[0]
    return ""


def rule_of_distribution(name: str) -> str:
    """The rule of a required distribution, '' where there is none; the name in any spelling."""
    normal = re.sub(r"[-_.]+", "-", name).lower()
    rule = DISTRIBUTIONS.get(normal)
    if rule is not None:
        return rule
    return next((rule for prefix, rule in DISTRIBUTION_PREFIXES if normal.startswith(prefix)), "")
