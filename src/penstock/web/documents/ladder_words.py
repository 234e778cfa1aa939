"""The words of the ladder in both languages: rungs, lines and what each line means."""

from typing import Literal

from penstock.insight.model import Line

type Language = Literal["en", "zh"]


def language_of(text: str) -> Language:
    """The language that a tag such as `zh-CN` or `en` asks for; English where it is neither."""
    return "zh" if text.lower().startswith("zh") else "en"


RUNG_WORDS: dict[str, dict[Language, str]] = {
    "capacity": {"en": "capacity", "zh": "总容量"},
    "available": {"en": "available", "zh": "可用"},
    "sold": {"en": "sold", "zh": "已售"},
    "occupied": {"en": "occupied", "zh": "已占用"},
    "active": {"en": "active", "zh": "活跃"},
    "effective": {"en": "effective", "zh": "有效"},
}

LOSS_WORDS: dict[str, dict[Language, str]] = {
    "not_available": {"en": "not available", "zh": "不可用"},
    "not_sold": {"en": "available, not sold", "zh": "可用未售"},
    "not_occupied": {"en": "sold, not occupied", "zh": "已售未占用"},
    "not_active": {"en": "occupied, not active", "zh": "占用未活跃"},
    "not_effective": {"en": "active, not effective", "zh": "活跃但无效"},
    "effective": {"en": "effective", "zh": "有效"},
}

LINE_WORDS: dict[Line, dict[Language, str]] = {
    Line.DOWN: {"en": "down", "zh": "故障"},
    Line.MAINTENANCE: {"en": "maintenance", "zh": "维护"},
    Line.DRAINING: {"en": "draining", "zh": "排空"},
    Line.FOREIGN: {"en": "foreign work", "zh": "外来作业"},
    Line.NO_DEMAND: {"en": "no demand", "zh": "无需求"},
    Line.NO_FIT_SOFTWARE: {"en": "no fit: software", "zh": "软件不合"},
    Line.NO_FIT_MODEL: {"en": "no fit: model", "zh": "型号不合"},
    Line.NO_FIT_MEMORY: {"en": "no fit: memory", "zh": "内存不足"},
    Line.NO_FIT_FRAGMENTATION: {"en": "no fit: fragmentation", "zh": "碎片"},
    Line.NO_FIT_TOPOLOGY: {"en": "no fit: topology", "zh": "拓扑不合"},
    Line.NO_FIT_BOOKING: {"en": "no fit: booking", "zh": "预订在即"},
    Line.NO_FIT_QUOTA: {"en": "no fit: quota", "zh": "超出配额"},
    Line.NO_FIT_PRICE: {"en": "no fit: price", "zh": "价格不合"},
    Line.NO_FIT_PLACE: {"en": "no fit: place", "zh": "地点不合"},
    Line.RESERVED_UNUSED: {"en": "reserved, unused", "zh": "已租未用"},
    Line.STARTING: {"en": "starting", "zh": "启动中"},
    Line.STALLED: {"en": "stalled", "zh": "停滞"},
    Line.LOST_WORK: {"en": "lost work", "zh": "作废的工作"},
    Line.PRODUCTIVE: {"en": "productive", "zh": "有效计算"},
}

LINE_MEANINGS: dict[Line, dict[Language, str]] = {
    Line.DOWN: {"en": "a fault", "zh": "设备故障"},
    Line.MAINTENANCE: {"en": "planned work, acceptance included", "zh": "计划内作业，含验收"},
    Line.DRAINING: {"en": "closed to new work", "zh": "不再接受新作业"},
    Line.FOREIGN: {"en": "used by work from outside the platform", "zh": "被平台之外的作业占用"},
    Line.NO_DEMAND: {"en": "free, and nothing waiting could use it", "zh": "空闲，没有等待中的作业能用"},
    Line.NO_FIT_SOFTWARE: {
        "en": "free; waiting demand lacks the software",
        "zh": "空闲，等待的作业没有适配软件",
    },
    Line.NO_FIT_MODEL: {"en": "free; waiting demand wants another model", "zh": "空闲，等待的作业要别的型号"},
    Line.NO_FIT_MEMORY: {"en": "free; too little memory", "zh": "空闲，内存不够"},
    Line.NO_FIT_FRAGMENTATION: {"en": "free; too few together for the gang", "zh": "空闲，凑不齐整组"},
    Line.NO_FIT_TOPOLOGY: {"en": "free; not in one interconnect domain", "zh": "空闲，不在同一互联域"},
    Line.NO_FIT_BOOKING: {
        "en": "free; promised before waiting work would end",
        "zh": "空闲，但已许给别人，等待的作业来不及做完",
    },
    Line.NO_FIT_QUOTA: {"en": "free; the tenant's quota is used up", "zh": "空闲，租户配额已用完"},
    Line.NO_FIT_PRICE: {"en": "free; the price was not met", "zh": "空闲，价格谈不拢"},
    Line.NO_FIT_PLACE: {"en": "free; not where the job may run", "zh": "空闲，不在允许的地点"},
    Line.RESERVED_UNUSED: {"en": "leased, no job on it", "zh": "已出租，没有作业在用"},
    Line.STARTING: {"en": "set-up, before the program runs", "zh": "准备环境，程序尚未运行"},
    Line.STALLED: {"en": "a job holds it and does nothing", "zh": "被作业占着却没有活动"},
    Line.LOST_WORK: {
        "en": "after the last checkpoint of a failed attempt",
        "zh": "失败前最后一个检查点之后的工作",
    },
    Line.PRODUCTIVE: {"en": "work that was kept", "zh": "成果得以保留的计算"},
}

NOTE_WORDS: dict[str, dict[Language, str]] = {
    "sources": {
        "en": "Card time is measured, and its lines sum to capacity exactly. List value is derived from "
        "it and the list price in force, carried cost from book cost by straight-line depreciation.",
        "zh": "卡时为实测，各行之和恰等于总容量。目录价值按当时目录价推算，持有成本按账面成本直线折旧推算。",
    },
    "unpriced": {
        "en": "Card-hours without a list price in force: {hours}; their list value counts as nothing.",
        "zh": "其中 {hours} 卡时当时没有目录价，目录价值按零计。",
    },
    "uncosted": {
        "en": "Devices without a recorded cost: {devices}; their carried cost counts as nothing.",
        "zh": "有 {devices} 台设备没有登记成本，持有成本按零计。",
    },
}
