"""Chinese of `penstock price` and `penstock contract`, and of the words on statements."""

PRICING: dict[str, str] = {
    "Price books: check, rate usage with them, publish, compare.": "价目：检查、试算、发布、比较。",
    "Read a price book and say every mistake in it; nothing is sent.": "读取价目并指出其中每个错误；不发送任何内容。",
    "Rate a file of usage events under a price book, with no centre at all.": "按价目为一个用量事件文件计价，无需任何中心。",
    "Shows each line with the tiers that it hits, what rounding changes, taxes and the total. Card time is an "
    "event of type card_time whose data has model, cards and seconds.": (
        "逐行显示命中的阶梯、舍入差额、税额与合计。卡时是类型为 card_time 的事件，其 data 含 model、cards 和 seconds。"
    ),
    "Print the JSON Schema of the price book.": "打印价目的 JSON Schema。",
    "Print the JSON Schema of the contract.": "打印合同的 JSON Schema。",
    "Print the JSON Schema of the voucher programme.": "打印算力券政策的 JSON Schema。",
    "Price book in YAML or JSON.": "YAML 或 JSON 格式的价目。",
    "CloudEvents, one in a line.": "CloudEvents，每行一个。",
    "Whom an event without subject is about.": "没有 subject 的事件属于谁。",
    "{book} can be used: {count} items": "{book} 可以使用：{count} 个计价项",
    "{events} events, {refused} of them refused": "{events} 个事件，其中 {refused} 个被拒绝",
    "before tax": "税前",
    "ITEM": "计价项",
    "MODE": "方式",
    "TIER": "阶梯",
    "QUANTITY": "数量",
    "UNIT": "单位",
    "UNIT PRICE": "单价",
}
