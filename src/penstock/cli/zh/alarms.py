"""Chinese of the ladder opened, alarms, lost demand and telemetry."""

ALARMS: dict[str, str] = {
    "Prometheus endpoint of a host's devices, such as http://gpu-7:9400/metrics.": (
        "某主机设备的 Prometheus 端点，如 http://gpu-7:9400/metrics。"
    ),
    "ASKED BY": "来自",
    "ASKS": "请求数",
    "IDLE CARD-HOURS": "因此闲置卡时",
    "LOST CARD-HOURS": "失去卡时",
    "WAITED CARD-HOURS": "等待卡时",
    "POPULATION": "统计对象",
    "REMEDY": "办法",
    "WHY": "原因",
    "never served": "从未满足",
    "no alarms": "没有警报",
    "quotes": "询价",
    "How many customers are few.": "多少个客户算少数。",
    "Of a model's available time, the share that should be sold.": "某型号可用时间中应当售出的比例。",
    "Of what a tenant held, the share unused or stalled.": "租户所持卡时中未用或停滞的比例。",
    "Only this one of --by.": "只看 --by 中的这一个。",
    "Open a line, such as no_fit_memory: its intervals, with the jobs and reasons behind.": (
        "展开一行，如 no_fit_memory：其各段时间，以及背后的作业与原因。"
    ),
    "Say what costs money now, with figures and what to do.": "指出眼下什么在亏钱，附数字与办法。",
    "The status is 1 where there is an alarm.": "有警报时以状态码 1 退出。",
    "Share of the backlog that few customers should not have.": "少数客户不应占到的在手订单比例。",
    "Show the demand that was refused or kept waiting, by what would have let it in.": (
        "显示被拒或久候的需求，按怎样才能接下它来分。"
    ),
    "Tenants that hold cards and do nothing, pools that are hardly sold, models whose rent does not recover their "
    "depreciation, a backlog of few customers, devices that became slower. Without a time it is the last day.": (
        "持卡不用的租户、几乎没有售出的池子、租金收不回折旧的型号、集中于少数客户的在手订单、变慢的设备。"
        "不给时间则为最近一天。"
    ),
    "Which chip to port to or to buy, which size of gang to defragment for, which price was too high: in card-hours "
    "and in money. Without a time it is the last seven days.": (
        "该移植到或购买哪种芯片、为多大的作业整理碎片、哪个价格太高：以卡时和金额表示。不给时间则为最近七天。"
    ),
    "{shown} of {all} intervals; together they are {hours} card-hours": (
        "共 {all} 段，显示 {shown} 段；合计 {hours} 卡时"
    ),
}
