"""Economics, planner, portability, alarms and lost demand."""

OUTLOOK: dict[str, str] = {
    "Economics": "经济性",
    "Grouped by": "分组",
    "the whole centre": "整个中心",
    "Costs beside the devices are not entered, so the result leaves them out: enter them below.": (
        "尚未登记设备以外的成本，结果未计入这些成本：请在下方登记。"
    ),
    "What it costs beside its devices": "设备以外的成本",
    "YAML: costs, loans, electricity and its tariff, in the words of a plan.": (
        "YAML：成本、贷款、电力与电价，写法与计划文件相同。"
    ),
    "Keep": "保存",
    "This is an example, not yet kept.": "这是示例，尚未保存。",
    "As of {time}.": "截至 {time}。",
    "Revenue": "收入",
    "Result": "损益",
    "Break-even": "盈亏平衡",
    "of capacity must be sold at this price; derived": "按此价须售出的总容量占比（推算）",
    "nothing was sold": "没有售出",
    "Accounts of": "账目对象",
    "this centre, from its books": "本中心，依据账簿",
    "plan {name}": "计划 {name}",
    "+ plan": "＋ 计划",
    "Edit and rehearse": "编辑与推演",
    "computed from what the plan says is let, without a rehearsal": "按计划所称的出租情况计算，未经推演",
    "Alarms": "警报",
    "What is lost": "损失",
    "Lost demand": "流失的需求",
    (
        "No alarm in this window: nobody holds much that they do not use, pools sell, rents cover depreciation, "
        "the backlog is spread, no device is slower than when it was accepted."
    ): "本时段没有警报：没有大量持而不用，各池售出正常，租金能覆盖折旧，在手订单分散，没有设备比验收时慢。",
    "No alarm in this window: you use what you hold.": "本时段没有警报：所持有的都在使用。",
    "Never served": "未能服务",
    "of {jobs} jobs and {quotes} quotes": "共 {jobs} 个作业、{quotes} 次询价",
    "Card-hours asked for": "所要的卡时",
    "List value lost": "损失的目录价值",
    "Kept out by software": "因软件无法运行",
    "What to mend first": "先解决什么",
    "Remedy": "办法",
    "Reason": "原因",
    "Asked by": "来自",
    "Asks": "次数",
    "Refused": "未服务",
    "Card-hours lost": "损失卡时",
    "Waited card-hours": "等待卡时",
    "Idle card-hours": "同时空闲卡时",
    "{count} without a price": "{count} 个无价格",
    "No demand was refused or kept waiting in this window.": "本时段没有需求被拒绝或等待。",
    "What to port first": "先移植什么",
    "Rule": "规则",
    "This rule alone": "仅此规则",
    "Days of work": "工作日",
    "Jobs have several rules, so the rows overlap.": "一个作业可涉及多条规则，各行有重叠。",
    "Check a program": "检查程序",
    "No job was kept out by its software in this window.": "本时段没有作业因软件无法运行。",
    "Planner": "规划",
    "Write a plan": "编写计划",
    "Plans": "计划",
    "Plan": "计划",
    "Saved": "保存时间",
    "Profit and loss, break-even, tranches": "损益、盈亏平衡、分期",
    (
        "No plan yet. A plan says what a centre is built of, when, what it costs and for what it is let; "
        "then it is rehearsed in many futures."
    ): "还没有计划。计划说明中心由什么建成、何时建成、成本多少、租金多少；然后在许多种未来中推演。",
    "Rehearsals": "推演",
    "Rehearsal": "推演",
    "Compare the chosen": "比较所选",
    "Futures": "未来数",
    "Compare": "比较",
    "Compare {name}": "比较 {name}",
    "Seed; equal seeds give equal futures": "随机种子；种子相同则未来相同",
    "Rehearse": "推演",
    "Short name of the plan": "计划的简称",
    "Plan file": "计划文件",
    (
        "YAML, the same that `penstock plan` reads; it is checked while you type. "
        "Traces that it names lie in the folder traces of the centre's data."
    ): "YAML，与 `penstock plan` 所读相同，输入时即时检查。其中引用的轨迹文件放在中心数据目录的 traces 文件夹。",
    "Save": "保存",
    "Remove this plan? Its rehearsals stay.": "删除此计划？其推演会保留。",
    "Remove": "删除",
    "{name}: {servers} servers in {tranches} tranches, {months} months from {start}": (
        "{name}：{tranches} 期共 {servers} 台服务器，自 {start} 起 {months} 个月"
    ),
    "Compare with": "对比",
    "{futures} futures, seed {seed}": "{futures} 种未来，种子 {seed}",
    "{done} of {of} futures played": "已推演 {done} / {of} 种未来",
    "The centre was restarted before it ended: rehearse it again.": "推演结束前中心重启过：请重新推演。",
    "Rehearse again": "重新推演",
    "Plan as it was rehearsed": "推演时的计划",
    (
        "These were rehearsed with different seeds or numbers of futures: part of what differs is chance."
    ): "它们的种子或未来数不同：差异中有一部分是偶然。",
    "Distributions": "分布",
    "One future is no distribution.": "一种未来不成分布。",
    "Portability": "可移植性",
    "What stops a program from running on other chips, line by line, with the mend. Nothing of it is run or kept.": (
        "逐行指出程序在其他芯片上的障碍及修改办法。不运行、不保留其中任何内容。"
    ),
    "Where it shall run": "目标芯片",
    "Code": "代码",
    "or an archive of it (zip or tar, up to 64 MiB)": "或其归档文件（zip 或 tar，至多 64 MiB）",
    "Check": "检查",
    "Verdicts": "结论",
    "{files} files read, {unreached} Python files not reached from {entries} entry points.": (
        "已读 {files} 个文件；{unreached} 个 Python 文件从 {entries} 个入口不可达。"
    ),
    "Target": "目标",
    "Verdict": "结论",
    "If guarded code runs too": "若受保护的代码也运行",
    "Days are our judgement of one engineer's work.": "工作日为对一名工程师工作量的判断。",
    "The one import:": "只需一条导入：",
    "{count} places": "{count} 处",
    "Goes wrong silently:": "会悄悄出错：",
    "Place": "位置",
    "Guard": "保护",
    "Source": "源代码",
    "Nothing to change.": "无需修改。",
    "Not analysed": "未分析",
}
