"""The words of a portability report in both languages; remedies stay as the rule book's sources write them."""

from penstock.portability.model import Consequence, Guard, Severity, Verdict
from penstock.portability.rules import Rule
from penstock.web.documents.ladder_words import Language

WORDS = {
    Verdict.RUNS_AS_IS: "runs as is",
    Verdict.ONE_IMPORT: "runs with one import",
    Verdict.EDITS: "needs edits",
    Verdict.REWRITE: "needs a kernel rewrite or a vendor fork",
    Verdict.CANNOT: "cannot",
}
_CODES: dict[str, tuple[str, str]] = {
    Verdict.RUNS_AS_IS: (WORDS[Verdict.RUNS_AS_IS], "可直接运行"),
    Verdict.ONE_IMPORT: (WORDS[Verdict.ONE_IMPORT], "加一条导入即可运行"),
    Verdict.EDITS: (WORDS[Verdict.EDITS], "需要修改"),
    Verdict.REWRITE: (WORDS[Verdict.REWRITE], "需要重写内核或厂商分支"),
    Verdict.CANNOT: (WORDS[Verdict.CANNOT], "不可行"),
    Severity.AUTO: ("auto", "自动"),
    Severity.REVIEW: ("review", "检查"),
    Severity.MANUAL: ("manual", "手工"),
    Severity.BLOCKER: ("blocker", "阻塞"),
    "guarded": ("guarded", "受保护"),
    Consequence.RUNS.name: ("runs", "可运行"),
    Consequence.IMPORT.name: ("one import", "一条导入"),
    Consequence.CHECK.name: ("check", "需核对"),
    Consequence.EDIT.name: ("edit", "需修改"),
    Consequence.REWRITE.name: ("rewrite", "需重写"),
    Consequence.CANNOT.name: ("cannot", "无已知办法"),
    Guard.NONE: ("none", "无"),
    Guard.TRY: ("try", "try 之内"),
    Guard.AVAILABILITY: ("availability", "可用性判断之后"),
    Guard.OPTION: ("option", "设置之后"),
    Guard.IN_FUNCTION: ("in function", "函数内导入"),
    Guard.TYPING: ("type checking", "类型检查"),
    Guard.EXTRA: ("extra", "可选依赖"),
    Guard.DOCUMENTATION: ("documentation", "文档"),
    Guard.UNREACHED: ("unreached", "不可达"),
    Guard.DEAD: ("dead", "死代码"),
}
_SENTENCES: dict[str, tuple[str, str]] = {
    "portability": ("Portability", "可移植性"),
    "target": ("Target", "目标"),
    "verdict": ("Verdict", "结论"),
    "with_guarded": ("If guarded code runs too", "若受保护的代码也运行"),
    "days": ("Days", "工作日"),
    "read": (
        "{files} files read, {unreached} Python files not reached from {entries} entry points.",
        "已读 {files} 个文件；{unreached} 个 Python 文件从 {entries} 个入口不可达。",
    ),
    "not_run": ("Nothing of them was run.", "没有运行其中任何内容。"),
    "unverified": (
        "Efforts are our judgement. Rules whose source says so are background, unverified.",
        "工作量为我们的判断。来源注明者为背景资料，未经核实。",
    ),
    "import": ("The one import:", "只需一条导入："),
    "silent": ("Goes wrong silently:", "会悄悄出错："),
    "places": ("{count} places", "{count} 处"),
    "place_one": ("1 place", "1 处"),
    "place": ("Place", "位置"),
    "guard": ("Guard", "保护"),
    "source": ("Source", "源代码"),
    "nothing": ("Nothing to change.", "无需修改。"),
    "skipped": ("Not analysed", "未分析"),
    "skipped_count": ("{count} not analysed: {reason}", "{count} 个未分析：{reason}"),
    "more": ("and {count} more", "另有 {count} 处"),
}
_WHY_ZH = {
    "DEV-001": "张量或模块调用 .cuda()",
    "DEV-002": "写死的 “cuda” 设备名",
    "DEV-003": "可用性判断：不成立时作业悄悄改用 CPU",
    "DEV-004": "与 “cuda” 比较字符串：运行时补丁不改写比较，分支走向相反",
    "DEV-005": "设备序号管理",
    "DEV-006": "代码依赖 SM 版本号或 multi_processor_count",
    "DEV-007": "显存统计",
    "DEV-008": "随机数状态：不同厂商的序列不逐位相同",
    "DEV-009": "流与事件",
    "DEV-010": "设备屏蔽变量",
    "DEV-011": "cuDNN 开关：在 NVIDIA 以外无效或无意义",
    "DEV-012": "TF32 开关：数值不同；假定了 A100 的 FP32 路径",
    "DEV-013": "旧式带类型张量；在 NPU 上 DoubleTensor 会悄悄变为 FloatTensor",
    "DEV-014": "FP64 或复数运算",
    "DEV-015": "memory_format=torch.channels_last",
    "DEV-016": "TorchScript",
    "DEV-017": "Inductor/Triton 后端",
    "DEV-018": "CUDA 图",
    "DST-001": "NCCL 进程组",
    "DST-002": "初始化之后与 “nccl” 比较",
    "DST-003": "配置中默认为 nccl",
    "DST-004": "NCCL 调优环境变量不起作用",
    "DST-005": "单进程 DataParallel",
    "DST-006": "NCCL 内部接口",
    "DST-007": "DeepSpeed",
    "DST-008": "Megatron / TransformerEngine",
    "AMP-001": "CUDA AMP 命名空间",
    "AMP-002": "autocast 的设备名",
    "AMP-003": "假定有 BF16",
    "AMP-004": "FP8 内核",
    "LIB-001": "flash-attention 的 CUDA 包",
    "LIB-002": "xformers 省显存注意力",
    "LIB-003": "bitsandbytes 8/4 位量化",
    "LIB-004": "NVIDIA apex",
    "LIB-005": "手写的 Triton 内核",
    "LIB-006": "TensorRT 引擎",
    "LIB-007": "CuPy",
    "LIB-008": "DALI 输入流水线",
    "LIB-009": "读取 NVML 或 nvidia-smi",
    "LIB-010": "vLLM",
    "LIB-011": "FAISS 的 GPU 版",
    "LIB-012": "GPTQ/AWQ 的 CUDA 内核",
    "LIB-013": "Mamba 的 CUDA 内核",
    "LIB-014": "稀疏或三维的 CUDA 算子",
    "LIB-015": "mmcv 自定义算子",
    "LIB-016": "torchvision 的 CUDA 算子",
    "LIB-017": "RAPIDS",
    "LIB-018": "Numba/PyCUDA 内核",
    "EXT-001": "构建自定义 CUDA 扩展",
    "EXT-002": "CUDA 内核源代码",
    "EXT-003": "内联 PTX",
    "EXT-004": "假定 warp 为 32 线程",
    "EXT-005": "C++ 中的 CUDA 数学库",
    "EXT-006": "CUTLASS/CuTe 模板",
    "EXT-007": "张量核内建函数",
    "BLD-001": "nvcc 构建系统",
    "BLD-002": "NVIDIA 基础镜像",
    "BLD-003": "固定了 CUDA 版的 wheel",
    "BLD-004": "Kubernetes/docker 的 NVIDIA 资源",
    "DAT-001": "锁页内存",
    "DAT-002": "读取检查点与 map_location",
    "PRF-001": "性能分析器或 NVTX",
    "OPT-001": "融合的优化器或层",
}
_HAZARD_ZH = {
    "DEV-003": "未加载垫片时判断为假，作业悄悄在 CPU 上运行",
    "DEV-004": "运行时垫片改写调用的参数，不改写比较：分支悄悄走向相反",
    "DEV-006": "能力字段缺失或是别家厂商的值：按版本的判断悄悄失灵",
    "DEV-008": "同一种子在别家芯片上给出不同的数",
    "DEV-010": "其他软件栈不读此变量：作业悄悄看见全部设备",
    "DEV-012": "单精度乘积使用别的内部格式：损失值悄悄不同",
    "DEV-013": "使用 transfer_to_npu 时 DoubleTensor 悄悄变为 FloatTensor",
    "DEV-014": "64 位运算退回 CPU 或 32 位",
    "DST-002": "运行时垫片改写调用的参数，不改写比较：分支悄悄走向相反",
    "DST-004": "其他集合通信库不理会 NCCL 调优变量",
}


def sentences(language: Language) -> dict[str, str]:
    """Every sentence of the report by key, some with gaps."""
    return {key: pair[language == "zh"] for key, pair in _SENTENCES.items()}


def word(code: str, language: Language) -> str:
    """A verdict, severity, guard, or the name of a consequence as people read it."""
    return _CODES[code][language == "zh"]


def why(rule: Rule, language: Language) -> str:
    """What a rule speaks of."""
    return _WHY_ZH[rule.id] if language == "zh" else rule.why


def hazard(rule: str, said: str, language: Language) -> str:
    """What goes wrong without an error; '' where nothing does."""
    return _HAZARD_ZH[rule] if said and language == "zh" else said
