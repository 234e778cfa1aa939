"""Chinese of catalogue, pools, software fit and links."""

CHIPS: dict[str, str] = {
    "Show the demand that software kept out, rule by rule, in money: what to port first.": (
        "逐条规则显示被软件挡在门外的需求及其金额：应当先移植什么。"
    ),
    "Jobs have several rules, so the rows overlap. Without a time it is the last seven days.": (
        "一个作业可能命中多条规则，因此各行有重叠。不给时间则为最近七天。"
    ),
    "jobs": "作业数",
    "kept out by software": "因软件被挡",
    "asked for": "所求",
    "list value lost": "损失的目录价值",
    "RULE": "规则",
    "RULES": "规则",
    "JOBS": "作业数",
    "TENANTS": "租户数",
    "LIST VALUE": "目录价值",
    "ALONE": "仅此一条",
    "DAYS": "人天",
    "WHAT": "是什么",
    "STACK": "软件栈",
    "FITS": "适合",
    "PER PFLOPS·H": "每 P 时",
    "ITS SOFTWARE DOES NOT RUN ON": "其软件不能运行于",
    "What is known of accelerators, by whom, and the site's own entries.": "已知的加速卡、出处，以及本站自己的条目。",
    "Id or family, such as ascend910b.": "编号或系列，如 ascend910b。",
    "Only accelerators of this vendor.": "仅此厂商的加速卡。",
    "List accelerators with their dense rates.": "列出加速卡及其稠密算力。",
    "Show all that is known of an accelerator, sources that disagree side by side.": (
        "显示一款加速卡的全部已知信息，互相矛盾的来源并列。"
    ),
    "CSV file in the columns of the catalogue.": "按目录各列编写的 CSV 文件。",
    "Add accelerators of the site, or put them in place of built-in ones, all or none.": (
        "添加本站的加速卡，或替换内置条目；全部成功或全部不变。"
    ),
    "A rate that is a known chip's sparse one is flagged, and the dense one kept.": (
        "若某算力是已知芯片的稀疏值，则予以标出并保留稠密值。"
    ),
    "Take out an entry of the site; a built-in one of the same id counts again.": "移除本站条目；同名内置条目重新生效。",
    "ID": "编号",
    "VENDOR": "厂商",
    "NOMINAL TFLOPS": "标称 TFLOPS",
    "CLAIMS": "其他说法",
    "CONFIDENCE": "可信度",
    "OWN": "本站",
    "accelerator": "加速卡",
    "devices of a card": "每卡设备数",
    "link": "互联",
    "power": "功耗",
    "PyTorch plug-in": "PyTorch 插件",
    "collective library": "集合通信库",
    "Kubernetes resource": "Kubernetes 资源",
    "query tool": "查询工具",
    "notes": "备注",
    "FIGURE": "指标",
    "VALUE": "数值",
    "REMARK": "说明",
    "SOURCE": "来源",
    "STATUS": "性质",
    "Only list the pools that it could have, best first.": "只列出它可用的资源池，最合适的在前。",
    "Show nominal and measured dense PFLOPS of each model, and what a PFLOPS·h costs by both.": (
        "显示每种型号的标称与实测稠密 PFLOPS，以及按两者计的每 P 时价格。"
    ),
    "List devices that now deliver less than what they were accepted with.": "列出实测已低于验收值的设备。",
    "Ends with status 1 where there is one.": "存在这样的设备时，以状态码 1 结束。",
    "Measure among the devices of this node of the centre's host first.": "先在中心主机的此节点的设备之间测量。",
    "Result of a job that measured among nodes: JSON with the nodes as members.": (
        "作业在节点之间测得的结果：JSON，成员为各节点。"
    ),
    "List measured links: bus bandwidth of an all-reduce among devices, or among nodes.": (
        "列出实测互联：设备之间或节点之间 all-reduce 的总线带宽。"
    ),
    "CARDS": "卡数",
    "PER NOMINAL PFLOPS·H": "每标称 P 时",
    "PER DELIVERED PFLOPS·H": "每实测 P 时",
    "MEASURED": "实测",
    "SAME SOFTWARE": "软件相同",
    "AMONG": "之间",
    "COUNT": "数量",
    "FIRST": "第一个",
    "BACK END": "后端",
    "MESSAGE": "消息",
    "BUS BANDWIDTH": "总线带宽",
}
