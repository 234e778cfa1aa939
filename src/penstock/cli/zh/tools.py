"""Chinese of `penstock plan` and `penstock port`."""

TOOLS: dict[str, str] = {
    "Before building and moving": "建设与迁移之前",
    "Rehearse a centre on this host, with the functions that run one.": "在本机预演一个中心，用的就是运行它的那套函数。",
    "What it takes to move a program to another chip.": "把程序搬到另一种芯片要做什么。",
    "Enter what a device cost; its carried cost on the ladder follows from it.": "登记设备成本；阶梯上的持有成本由此得出。",
    "What it cost, up to two decimals.": "成本，最多两位小数。",
    "Purchase that it belongs to.": "所属采购批次。",
    "Years over which it is depreciated.": "折旧年限。",
    "Fill a fleet with tasks drawn from a trace until demand passes capacity, once for each seed.": (
        "用从轨迹中抽取的任务填充机群，直到需求超过容量，每个种子一次。"
    ),
    "Nodes in openb's columns, CSV, compressed or not.": "节点文件，openb 的列，CSV，可压缩。",
    "Tasks in openb's columns, CSV, compressed or not.": "任务文件，openb 的列，CSV，可压缩。",
    "Placement policy, such as penstock, fgd, best-fit.": "放置策略，如 penstock、fgd、best-fit。",
    "Seeds, first to one past the last, such as 42:52.": "种子，从第一个到最后一个加一，如 42:52。",
    "Demand to stop at, as a multiple of capacity.": "需求达到容量的多少倍时停止。",
    "Leave out rows with mistakes and count them.": "跳过有错的行并计数。",
    "Print the results as JSON.": "以 JSON 打印结果。",
    "Jobs: our columns, openb's, Philly's, or sacct's.": "作业：我们的列、openb 的列、Philly 的列，或 sacct 的输出。",
    "Nodes file in openb's columns, or such as A100:16x8,H100:4x8.": "节点文件（openb 的列），或写成 A100:16x8,H100:4x8。",
    "Placement policies, joined by commas.": "放置策略，用逗号分隔。",
    "Orders of the queue: fifo, shortest, fair-share.": "排队顺序：fifo、shortest、fair-share。",
    "Who may pass the first: strict, greedy, easy.": "谁可越过队首：strict、greedy、easy。",
    "Table of steps per second by accelerator and type of job.": "吞吐表：每种加速器和作业类型每秒的步数。",
    "Deal jobs anew each so many seconds; queue may then be completion, fairness, cost.": (
        "每隔若干秒重新分配作业；此时 queue 还可为 completion、fairness、cost。"
    ),
    "Seconds that a job loses when it is moved.": "作业每次迁移损失的秒数。",
    "Choose without regard to how fast a job runs on a model.": "选择时不看作业在各型号上的快慢。",
    "Price of a card-hour by model, such as A100=12.5,T4=3, or a CSV file.": "各型号每卡时价格，如 A100=12.5,T4=3，或 CSV 文件。",
    "Currency of the prices.": "价格的币种。",
    "Write the report as HTML here.": "把 HTML 报告写到这里。",
    "Rehearse a trace of jobs on a fleet and report what would have come of it.": "在机群上预演一份作业轨迹，报告结果会怎样。",
    "{count} bad rows were left out": "有 {count} 行有错，已跳过",
    "POLICY": "策略",
    "ALLOCATED": "已分配",
    "MEAN WAIT": "平均等待",
    "MEAN COMPLETION": "平均完成",
    "99TH PERCENTILE": "第 99 百分位",
    "MAKESPAN": "最后结束",
    "REVENUE": "收入",
    "Whose statistics: openb or philly.": "仿照谁的统计特征：openb 或 philly。",
    "How many jobs.": "作业数。",
    "Cards of the fleet that they are meant for.": "面向的机群有多少卡。",
    "Work that arrives, as a multiple of what the cards can do.": "到来的工作量，为这些卡能力的倍数。",
    "Equal seeds give equal traces.": "种子相同，轨迹相同。",
    "Draw a trace with the statistics of a published one, in our columns, for `plan replay`.": (
        "按已发布轨迹的统计特征生成一份轨迹（我们的列），供 `plan replay` 使用。"
    ),
    "Demand that penstock is told to expect, as a multiple of capacity.": "告知 penstock 的预期需求，为容量的倍数。",
    "{done} of {all} done": "已完成 {done}/{all}",
    "SEED": "种子",
    "ALLOCATED AT 100 %": "需求 100 % 时已分配",
    "AT THE END": "结束时",
    "REFUSED": "拒绝",
    "SECONDS": "秒",
    "Say what stops a program from running on other chips, where, and what to do about it.": (
        "说明程序为何不能在其他芯片上运行、在哪一行、该怎么办。"
    ),
    "Ends with status 1 where a chip needs more than edits.": "某种芯片需要的不只是修改代码时，以状态码 1 结束。",
    "Make a patch of what can be mended safely; running it again changes nothing.": (
        "为能安全修复的部分生成补丁；再次运行不会有变化。"
    ),
    "Directory, file or archive to read; nothing in it is run.": "要读取的目录、文件或压缩包；其中的代码不会被运行。",
    "Chips to run on, such as ascend910b,mlu370.": "目标芯片，如 ascend910b,mlu370。",
    "Entry points; by default found.": "入口文件；默认自动查找。",
    "Rule ids to leave out.": "要忽略的规则编号。",
    "Paths to leave out, as patterns.": "要忽略的路径模式。",
    "How to print the findings.": "结果的格式。",
    "File to write to.": "写入的文件。",
    "Show every finding.": "显示每一条结果。",
    "The same as --format json.": "等同于 --format json。",
    "Change the files; without it the patch is printed.": "直接修改文件；否则打印补丁。",
    "{changes} changes in {files} files": "{files} 个文件中的 {changes} 处修改",
    "Print the JSON Schema of the plan of a centre.": "打印中心计划文件的 JSON Schema。",
    "Compute a planned or rebuilt centre: profit and loss, cash, break-even, returns, and what matters.": (
        "核算一个计划中或重建的中心：损益、现金、盈亏平衡、收益率以及敏感因素。"
    ),
    "Without a rehearsal: what is let, and at which rent, is what the plan says.": "不作预演：出租率与租金按计划所写。",
    "Hold what is published about centres against itself and against the catalogue.": (
        "把关于各中心的公开说法相互核对，并与目录核对。"
    ),
    "Ends with status 1 where figures of different precisions were to be compared.": "若要比较的数字精度不同，退出码为 1。",
    "List the built-in prices, rents, lives and rates, each with its source and status.": (
        "列出内置的价格、租金、年限与费率，附来源与性质。"
    ),
    "Plan, as of docs/reference/plan.schema.json.": "计划文件，格式见 docs/reference/plan.schema.json。",
    "How to print the report.": "报告的输出格式。",
    "Claims about centres, YAML.": "关于各中心的说法，YAML。",
    "Rehearse a planned centre in many futures: the ladder, profit and returns as distributions.": (
        "在许多个未来中预演一个计划中的中心：以分布给出阶梯、利润与收益率。"
    ),
    "Demand comes from traces, from a centre's own record, or from signed contracts, as the plan says. Where "
    "there is none, no single return is printed, and what is missing is named.": (
        "需求按计划取自轨迹、中心自身的记录或已签合同；若都没有，则不给出单一收益率，并指明缺什么。"
    ),
    "Rehearse several plans under the same seeds and set them side by side.": "用相同的种子预演多个计划并列比较。",
    "How many futures to play through.": "推演多少个未来。",
    "Seed; equal seeds give equal futures.": "种子；种子相同则未来相同。",
    "Processes at work at once; by default one a core.": "同时工作的进程数；默认每核一个。",
    "Plans to set side by side.": "要并列比较的计划。",
    "What the centre earned and cost, from its own books.": "中心的收入与成本，出自其自身账本。",
    "Show profit and loss of a time, per card-hour too, beside what moved on the ledger.": (
        "显示一段时间的损益（含每卡时），与总账变动对照。"
    ),
    "Accounts for each of these.": "按此分别列账。",
    "YAML with costs, loans and power; without it they are shown.": "含成本、借款与用电的 YAML；不给则显示已登记的内容。",
    "Enter what the centre costs beside its devices, or show what was entered.": "登记设备以外的成本，或显示已登记的内容。",
    "Without a time it is the last seven days.": "不给时间则为最近七天。",
    "Switch each remedy on alone over the same rehearsed month: ladder and profit before and after.": (
        "在同一个预演月份内逐项单独启用改进措施：给出前后的阶梯与利润。"
    ),
    "Print the jobs that this centre was asked for, served and refused alike, as a trace in CSV.": (
        "以 CSV 轨迹打印本中心收到的全部作业，无论是否运行过。"
    ),
    "A plan names the file under `rehearse.demand.traces` with `own: true`. What never ran has its time limit as its "
    "length, or the usual length of what ran. Without a time it is the last seven days.": (
        "计划文件在 `rehearse.demand.traces` 下以 `own: true` 引用它。从未运行的作业以其时限为长度，"
        "没有时限则取已运行作业的通常长度。未给时间时为最近七天。"
    ),
    "What the rehearsal cannot play is named, and nothing is estimated in its place.": "无法推演的会列明，不以估计代替。",
}
