"""Placement, spot work and moves."""

PLACING = {
    "How many waiting jobs are promised a start that none behind delays.": "为多少个等待的作业许诺开始时间，排在后面的不得推迟它。",
    "Job that waits and is to be admitted.": "等待中、要为之腾出位置的作业。",
    "Model for jobs that say their throughput: completion, fairness, cost, fastest.": (
        "作业写明吞吐量时如何选型号：completion（完成时间）、fairness（公平）、cost（费用）、fastest（各自最快）。"
    ),
    "Lend no longer.": "不再出借。",
    "Let spot work of others use the devices of a lease while its own jobs do not need them.": (
        "租约自己的作业用不到设备时，允许他人的竞价作业使用。"
    ),
    "Make the moves; without it nothing is done.": "执行迁移；不加此选项则什么也不做。",
    "Moved are jobs that keep checkpoints: each is stopped and started again elsewhere. Ends with status 1 "
    "where no moves admit the job.": "迁移的是保存检查点的作业：停下后在别处重新开始。没有可行的迁移时，退出码为 1。",
    "Order of jobs of one priority: fair-share or fifo.": "同一优先级作业的次序：fair-share（公平份额）或 fifo（先来先服务）。",
    "Plan which running jobs to move so that one that does not fit is admitted, and what that costs.": (
        "规划迁移哪些运行中的作业，好让放不下的作业得以放置，并给出代价。"
    ),
    "Policy by which nodes and devices are chosen.": "选择节点和设备所用的策略。",
    "Price per card-hour of spot work; without it none is sold.": "竞价作业的每卡时价格；不给则不出售。",
    "Seconds of notice before spot work gives up its devices.": "竞价作业让出设备前的通知秒数。",
    "Show how the centre places jobs, or change it from the next decision on.": "显示中心如何放置作业，或从下一次决策起更改。",
    "SET-UP AGAIN": "重新准备",
    "WORK LOST": "损失的工作",
    "aim": "选型目标",
    "lends what is idle": "出借空闲设备",
    "moves": "迁移数",
    "no moves of running jobs admit {job}": "迁移运行中的作业也放不下 {job}",
    "nothing was moved; repeat with --execute to do it": "尚未迁移；加上 --execute 再执行一次",
    "order": "次序",
    "policy": "策略",
    "promises": "许诺数",
    "spot notice": "竞价让位通知",
    "spot price": "竞价价格",
    "{hours} card-hours": "{hours} 卡时",
}
