"""The words of the outlook of a planned centre in both languages."""

from penstock.web.documents.ladder_words import Language

type Words = dict[str, dict[Language, str]]

WORDS: Words = {
    "kicker": {"en": "A planned centre, rehearsed", "zh": "计划中的智算中心：预演"},
    "lede": {
        "en": "{futures:,} futures, each with its own delays, breakdowns, demand and rents, played through with the "
        "functions that place live work. Seed {seed}.",
        "zh": "共 {futures:,} 个未来，各有其延期、故障、需求与租金，用与线上相同的放置函数逐一推演。种子 {seed}。",
    },
    "spreads": {"en": "What may come of it", "zh": "可能的结果"},
    "ladder": {"en": "Where the card-hours go", "zh": "卡时去向"},
    "evidence": {"en": "The evidence this rests on", "zh": "依据"},
    "prices": {"en": "Rents, year by year", "zh": "各年租金"},
    "history": {"en": "Rents as they moved before", "zh": "历史租金走势"},
    "findings": {"en": "To be said aloud", "zh": "必须说明"},
    "quantity": {"en": "quantity", "zh": "指标"},
    "single": {"en": "one number", "zh": "单一值"},
    "unit": {"en": "unit", "zh": "单位"},
    "line": {"en": "line", "zh": "去向"},
    "kind": {"en": "kind", "zh": "类别"},
    "source": {"en": "source", "zh": "来源"},
    "demand": {"en": "card-hours a day", "zh": "每日卡时"},
    "coverage": {"en": "of the plan's cards", "zh": "占计划卡数"},
    "status": {"en": "status", "zh": "性质"},
    "year": {"en": "year", "zh": "年份"},
    "plan": {"en": "plan", "zh": "方案"},
    "net_picture": {
        "en": "Net profit or loss over the whole plan in {futures:,} futures; the line is zero. Derived.",
        "zh": "{futures:,} 个未来中整个计划期的净损益；竖线为零。推算。",
    },
    "irr_picture": {
        "en": "Internal rate of return, by years, in {futures:,} futures. Derived.",
        "zh": "{futures:,} 个未来的内部收益率（按年）。推算。",
    },
    "price_picture": {
        "en": "Rents in percent of the first: the band holds nine futures of ten, the line the middle. Derived.",
        "zh": "租金占首年租金的百分比：色带含九成未来，线为中位。推算。",
    },
    "ladder_picture": {
        "en": "Share of card time in service, the middle future of each line. Derived.",
        "zh": "各去向占投运卡时的份额（各线中位）。推算。",
    },
}

QUANTITIES: Words = {
    "occupancy": {"en": "let", "zh": "出租率"},
    "revenue": {"en": "revenue", "zh": "收入"},
    "net": {"en": "net profit or loss", "zh": "净损益"},
    "npv": {"en": "net present value", "zh": "净现值"},
    "irr_yearly": {"en": "internal rate of return, by years", "zh": "内部收益率（按年）"},
    "xirr": {"en": "internal rate of return, by months", "zh": "内部收益率（按月）"},
    "refused": {"en": "demand that could not be served", "zh": "未能服务的需求"},
}

EVIDENCE_WORDS: Words = {
    "contracts": {"en": "signed contracts", "zh": "已签合同"},
    "own_history": {
        "en": "this centre's own record of served and refused demand",
        "zh": "本中心成交与被拒需求的记录",
    },
    "comparable_trace": {"en": "demand recorded at a comparable site", "zh": "可比中心的需求记录"},
}

SENTENCES: Words = {
    "no_single": {
        "en": "No single return is given: nothing shows that anyone wants these cards. "
        "Missing are {missing}. Occupancy was drawn between 10 % (the low end of what IDC says of "
        "general-purpose centres) and 93 % (the most a leaser's filings show); both are claims.",
        "zh": "不给出单一收益率：没有任何依据表明有人需要这些卡。缺少：{missing}。出租率在 10 %（IDC 对通用算力中心说法的下限）"
        "与 93 %（租赁公司披露的最高值）之间抽取，两者均为声称值。",
    },
    "missing": {"en": "Also missing: {missing}.", "zh": "另缺：{missing}。"},
    "break_even_above_full": {
        "en": "Break-even needs {occupancy:.0f} % of the card time to be let at the plan's rents: it cannot be. Do not "
        "build it at this price.",
        "zh": "按计划租金，盈亏平衡需要出租 {occupancy:.0f} % 的卡时：不可能。不应按此价格建设。",
    },
    "loss": {"en": "{percent:.0f} % of the futures lose money.", "zh": "{percent:.0f} % 的未来亏损。"},
    "no_irr": {
        "en": "There is no rate of return: the plan ends before its servers do, or no future has one.",
        "zh": "没有收益率：计划期短于设备使用年限，或没有任何未来算得出收益率。",
    },
}
LADDER_LINES: Words = {
    "reserved": {"en": "set aside for contracts", "zh": "合同专用"},
}
REMEDIES: Words = {
    "title": {"en": "Each remedy alone, on the same month", "zh": "同一个月内逐项单独启用"},
    "not_played": {"en": "Not played", "zh": "未推演"},
    "assumed": {"en": "assumed", "zh": "假设"},
    "gain": {"en": "gain in net result", "zh": "净损益变化"},
    "as_planned": {"en": "as planned, no sharing", "zh": "按计划，不共享"},
    "sharing": {"en": "sharing of cards", "zh": "共享整卡"},
    "porting": {"en": "porting to the cards here", "zh": "移植到现有芯片"},
    "spot_with_notice": {"en": "spot with notice", "zh": "可抢占（提前通知）"},
    "defragmentation": {"en": "defragmentation", "zh": "碎片整理"},
    "valley_pricing": {"en": "valley pricing", "zh": "谷时定价"},
    "lending_at_night": {"en": "lending inference cards to training at night", "zh": "夜间把推理卡借给训练"},
}
