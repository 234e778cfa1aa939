"""Price books, contracts, and one need under every mode; a task's devices."""

AGREEMENTS: dict[str, str] = {
    "Offers and quotes": "报价与询价",
    "Compare modes": "计费方式比较",
    "Price books": "价目册",
    "Contracts": "合同",
    "No price book is published yet: only the hour has a price.": "还没有发布价目册：只有按小时的价格。",
    (
        "What some cards cost a month in every mode that can serve them, the cheapest first, "
        "and from how many hours a month each beats paying by the hour."
    ): "若干张卡在各种可行计费方式下的月费，便宜的在前；以及每月用到多少小时起比按小时计费划算。",
    "Cards": "卡数",
    "Hours used a month": "每月使用小时数",
    "Price book": "价目册",
    "the newest that is valid": "最新的有效价目册",
    "{hours} hours a month": "每月 {hours} 小时",
    "Item": "项目",
    "Mode": "方式",
    "Quantity": "数量",
    "A month": "每月",
    "Per card-hour used": "每使用卡时",
    "Beats the hour from": "优于按小时的起点",
    "{hours} h": "{hours} 小时",
    "Break-even is per card and month; prices by hour of day are averaged over the day.": (
        "盈亏平衡按每卡每月计；分时价格取全天平均。"
    ),
    "Nothing in this price book can serve that.": "这份价目册中没有能满足的项目。",
    "Currency": "币种",
    "Published": "发布时间",
    "No price book yet. It holds prices by the hour, by compute scale, by usage and for packages.": (
        "还没有价目册。价目册载有按小时、按算力规模、按用量和套餐的价格。"
    ),
    "Publish a price book": "发布价目册",
    "YAML or JSON. A published book never changes; a newer one takes its place.": (
        "YAML 或 JSON。已发布的价目册不再更改，由新的取代。"
    ),
    "Items": "项目",
    "Price": "价格",
    "For": "用于",
    "As published": "发布原文",
    "Contract": "合同",
    "Charged until": "已计费至",
    (
        "No contract. One fixes what a tenant buys by compute scale, by usage or as a package, "
        "and on which conditions."
    ): "没有合同。合同约定租户按算力规模、按用量或以套餐购买什么，以及条件。",
    "Sign a contract": "签订合同",
    "Sign": "签订",
    "End this contract now, by its own conditions?": "现在按合同条件终止？",
    "End it now": "立即终止",
    "So far": "至今",
    "Not earned yet": "尚未确认收入",
    "What it comes to": "金额构成",
    "Unit price": "单价",
    "Nothing has come due.": "尚无到期款项。",
    "Changes": "变更",
    "As signed": "签订原文",
    "Time": "时间",
    "Activity": "活跃度",
    "Memory in use": "内存占用",
    "Power": "功率",
    "Temperature": "温度",
    "{name} holds {items} and is complete.": "{name} 含 {items}，内容完整。",
    "What is agreed now": "当前约定",
    "nothing": "无",
    "Of what is earned:": "收入分成：",
    "Change how many are agreed": "变更约定数量",
    "New quantity": "新数量",
    "{price} a card-hour": "每卡时 {price}",
    "Available over the whole time.": "整段时间均可提供。",
    "The same under every mode, a month": "各计费方式每月对比",
}
