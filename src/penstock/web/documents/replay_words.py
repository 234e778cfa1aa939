"""The words of the report of a rehearsal: key -> (English, Chinese)."""

from penstock.web.documents.ladder_words import Language

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("A rehearsal", "一次预演"),
    "lede": (
        "{jobs} jobs of {trace} on {devices}, as the placement core would have run them. Nothing here was measured "
        "on a device: the trace is a record, what follows is simulated.",
        "把 {trace} 的 {jobs} 个作业放到 {devices} 上，由放置核心来运行会怎样。这里没有任何一项在设备上实测："
        "轨迹是记录，其余均为模拟。",
    ),
    "compared": ("Compared", "比较"),
    "compared_note": (
        "Allocated and the ladder are over the time from the first to the last submission; completion is from "
        "submission to the end, over all jobs that ended.",
        "已分配与阶梯按首次到末次提交之间的时间计；完成时间从提交算到结束，覆盖所有结束的作业。",
    ),
    "way": ("policy", "策略"),
    "seed": ("seed", "种子"),
    "allocated": ("allocated", "已分配"),
    "mean_wait": ("mean wait", "平均等待"),
    "mean_completion": ("mean completion", "平均完成时间"),
    "p99_completion": ("99 % complete within", "99 % 完成于"),
    "makespan": ("last end", "最后结束"),
    "never": ("never ran", "从未运行"),
    "revenue": ("revenue", "收入"),
    "ladder": ("Where the card-hours go", "卡时去了哪里"),
    "allocation": ("Devices busy over time", "设备占用随时间变化"),
    "queue": ("Cards waited for over time", "等待中的卡数随时间变化"),
    "percent": ("% of devices", "设备百分比"),
    "cards": ("cards", "卡"),
    "days": ("days from the first submission", "距首次提交的天数"),
    "hours": ("hours from the first submission", "距首次提交的小时数"),
    "minutes": ("minutes from the first submission", "距首次提交的分钟数"),
    "seconds": ("seconds from the first submission", "距首次提交的秒数"),
    "waits": ("Waiting times by class", "各类作业的等待时间"),
    "class": ("class", "类别"),
    "all": ("all jobs", "全部作业"),
    "jobs": ("jobs", "作业"),
    "started": ("started", "已开始"),
    "mean": ("mean", "平均"),
    "median": ("median", "中位数"),
    "p90": ("90 %", "90 %"),
    "p99": ("99 %", "99 %"),
    "refusals": ("Refused", "拒绝"),
    "no_refusals": ("Every job could run on this fleet.", "每个作业都能在这个机群上运行。"),
    "reason": ("reason", "原因"),
    "line": ("line", "项目"),
    "card_hours": ("card-hours", "卡时"),
    "share": ("of capacity", "占总容量"),
    "list_value": ("list value", "目录价值"),
    "model": ("model", "型号"),
    "devices": ("devices", "设备"),
    "busy": ("busy card-hours", "占用卡时"),
    "price": ("per card-hour", "每卡时"),
    "unpriced": ("no price given", "未给出价格"),
    "trace": ("The trace", "轨迹"),
    "skipped": (
        "{count} rows were bad and left out; the first of them:",
        "有 {count} 行有错，已跳过；前几处为：",
    ),
    "left_out": (
        "{count} rows ask for nothing (steps of a job, jobs that never ran) and are left out.",
        "有 {count} 行不要求任何资源（作业步、从未运行的作业），未计入。",
    ),
    "fine": ("Every row was read.", "每一行都已读入。"),
    "models": ("Revenue by model", "按型号的收入"),
    "scroll": ("{table}; scrolls sideways", "{table}；可左右滚动"),
}


def replay_words(language: Language) -> dict[str, str]:
    """The words in one language."""
    return {key: pair[language == "zh"] for key, pair in _WORDS.items()}


REASON_WORDS: dict[str, dict[Language, str]] = {
    "held": {"en": "held for work that wastes less", "zh": "为浪费更少的作业保留"},
    "no_fit_model": {"en": "no node of a model that serves", "zh": "没有可用型号的节点"},
    "no_fit_cpu": {"en": "too little CPU beside free devices", "zh": "空闲设备旁的 CPU 不足"},
    "no_fit_memory": {"en": "too little memory beside free devices", "zh": "空闲设备旁的内存不足"},
    "no_fit_fragmentation": {"en": "enough devices, not together", "zh": "设备够但凑不到一起"},
    "busy": {"en": "too few devices", "zh": "设备不足"},
}

HOW_WORDS: dict[str, dict[Language, str]] = {
    "fifo": {"en": "first come first", "zh": "先到先得"},
    "shortest": {"en": "shortest first", "zh": "最短优先"},
    "fair-share": {"en": "fair share", "zh": "公平份额"},
    "completion": {"en": "average completion", "zh": "平均完成时间"},
    "fairness": {"en": "fairness", "zh": "公平"},
    "cost": {"en": "cost", "zh": "成本"},
    "strict": {"en": "nobody passes", "zh": "不得越过"},
    "greedy": {"en": "whoever fits passes", "zh": "放得下即可越过"},
    "easy": {"en": "EASY backfilling", "zh": "EASY 回填"},
    "blind": {"en": "blind to the model", "zh": "不看型号"},
    "rounds": {"en": "rounds of {seconds:g} s", "zh": "每轮 {seconds:g} 秒"},
}
