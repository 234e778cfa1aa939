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
    "lengths": {"en": "How long jobs run, by card-hours", "zh": "任务时长的依据（按卡时）"},
    "year": {"en": "year", "zh": "年份"},
    "value": {"en": "value", "zh": "数值"},
    "compared": {"en": "Planned centres side by side", "zh": "方案对比"},
    "net_ranges": {
        "en": "Net profit or loss over the whole plan in {currency}: nine futures of ten lie in the bar; the mark is "
        "the middle one where evidence allows it, the line is zero. Derived.",
        "zh": "整个计划期的净损益（{currency}）：九成未来在条内；有依据时标出中位；竖线为零。推算。",
    },
    "ladders": {
        "en": "Where the card-hours in service go, on average over the futures. Derived.",
        "zh": "投运卡时的去向（各未来平均）。推算。",
    },
    "break_even": {"en": "break-even: share let", "zh": "盈亏平衡出租率"},
    "loss": {"en": "futures that lose money", "zh": "亏损的未来"},
    "ends": {
        "en": "From the 5th to the 95th of a hundred, and in brackets one number (the median) where evidence allows "
        "it; {futures:,} futures each, seed {seed}; {status}.",
        "zh": "百分之五至九十五分位；括号内为单一值（中位数），仅在有依据时给出；各 {futures:,} 个未来，种子 {seed}；{status}。",
    },
    "plan": {"en": "plan", "zh": "方案"},
    "net_picture": {
        "en": "Net profit or loss over the whole plan in {futures:,} futures: how many fall where, losses in red. "
        "Derived.",
        "zh": "{futures:,} 个未来中整个计划期的净损益：各区间的未来数，亏损为红色。推算。",
    },
    "irr_picture": {
        "en": "Internal rate of return, by years, in {futures:,} futures; below zero in red. Derived.",
        "zh": "{futures:,} 个未来的内部收益率（按年）：各区间的未来数，负值为红色。推算。",
    },
    "price_picture": {
        "en": "Rents in percent of the first: nine futures of ten lie in the band; a line is the middle one. Derived.",
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

LENGTH_WORDS: Words = {
    "measured": {"en": "ran so long", "zh": "按实际运行时长"},
    "so_far": {"en": "ran so long until the record ends", "zh": "截至记录结束的运行时长"},
    "throughput": {"en": "steps at a speed measured elsewhere", "zh": "按他处实测速度换算步数"},
    "median": {"en": "never ran: the median of those that did", "zh": "未曾运行：取已运行任务的中位数"},
    "generated": {"en": "drawn with the statistics of a record", "zh": "按某份记录的统计特征生成"},
    "limit": {"en": "never ran: their own time limit", "zh": "未曾运行：取其自报时限"},
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
    "kicker": {"en": "Remedies, each switched on alone", "zh": "逐项启用的补救措施"},
    "lede": {
        "en": "{month}, the same month each time: {futures:,} futures with the same seeds ({seed}) as planned and "
        "under each remedy. The month is counted after one in which all servers were in service already.",
        "zh": "{month}，每次都是同一个月：按计划与每项措施各推演 {futures:,} 个未来，种子相同（{seed}）。"
        "计入的月份之前，全部服务器已投运满一个月。",
    },
    "title": {"en": "Each remedy alone, on the same month", "zh": "同一个月内逐项单独启用"},
    "not_played": {"en": "Not played", "zh": "未推演"},
    "remedy": {"en": "remedy", "zh": "措施"},
    "granted": {"en": "what is taken for granted", "zh": "前提"},
    "terms": {"en": "What each remedy takes for granted", "zh": "各项措施的前提"},
    "costs": {
        "en": "What a remedy itself costs (people, software, traffic) is not in its gain.",
        "zh": "措施自身的花费（人力、软件、流量）未计入变化。",
    },
    "ladder_picture": {
        "en": "Where the card-hours in service go, as planned and under each remedy, over the month. Derived.",
        "zh": "按计划与各项措施下投运卡时的去向；每条为整月。推算。",
    },
    "gain_picture": {
        "en": "What each remedy adds to the month's net profit or loss, in {currency}. Derived.",
        "zh": "各项措施带来的当月净损益变化（{currency}）。推算。",
    },
    "assumed": {"en": "assumed", "zh": "假设"},
    "the plan": {"en": "the plan", "zh": "计划"},
    "gain": {"en": "gain in net result", "zh": "净损益变化"},
    "as_planned": {"en": "as planned", "zh": "按计划"},
    "sharing": {"en": "sharing", "zh": "共享整卡"},
    "porting": {"en": "porting", "zh": "移植到现有芯片"},
    "spot_with_notice": {"en": "spot with notice", "zh": "可抢占（提前通知）"},
    "defragmentation": {"en": "defragmentation", "zh": "碎片整理"},
    "valley_pricing": {"en": "valley pricing", "zh": "谷时定价"},
    "lending_at_night": {"en": "lending at night", "zh": "夜间出借推理卡"},
    "sharing_granted": {"en": "jobs on one card do not slow each other down", "zh": "同卡任务互不拖慢"},
    "porting_granted": {
        "en": "all software that names other models is ported, at no cost",
        "zh": "所有指定其他型号的软件都完成移植，且不计成本",
    },
    "sharing_idle": {"en": "no job asks for a part of a card", "zh": "没有任务只需部分卡"},
    "porting_idle": {"en": "no job names a model that is not here", "zh": "没有任务指定这里没有的型号"},
    "defragmentation_idle": {
        "en": "no job on one server checkpoints, so nothing can be moved",
        "zh": "没有单机任务会保存检查点，因此无法迁移",
    },
    "valley_pricing_idle": {"en": "no job ends within the valley", "zh": "没有任务能在谷时内结束"},
    "lending_at_night_idle": {
        "en": "no contract holds servers in this month, so there is nothing to lend",
        "zh": "当月没有合同占用服务器，无可出借",
    },
}
TERMS: Words = {
    "spot": {"en": "more demand at the spot price", "zh": "可抢占价格带来的新增需求"},
    "spot_price": {"en": "spot price", "zh": "可抢占价格"},
    "flexible": {"en": "jobs that wait for the valley", "zh": "愿等谷时的任务"},
    "valley_price": {"en": "price in the valley", "zh": "谷时价格"},
    "valley_from_hour": {"en": "valley from", "zh": "谷时起"},
    "valley_to_hour": {"en": "valley to", "zh": "谷时止"},
    "lent": {"en": "servers lent", "zh": "出借的服务器"},
    "move_minutes": {"en": "standstill of a move", "zh": "一次迁移的停顿"},
}
