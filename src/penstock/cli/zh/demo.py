"""What the demo says."""

DEMO = {
    "A centre is open at {url}; its data will be thrown away.": "中心已在 {url} 开启；其数据用完即弃。",
    "Measuring {count} devices; only an accepted device is sold.": "正在测量 {count} 台设备；只有验收过的设备才能出售。",
    "rejected": "未通过",
    "On sale at {price} CNY per card-hour; the tenant acme has paid in {paid} CNY.": (
        "以每卡时 {price} 元出售；租户 acme 已充值 {paid} 元。"
    ),
    "acme leases {devices} devices for {minutes} minutes; {total} CNY are set aside.": (
        "acme 租用 {devices} 台设备 {minutes} 分钟；已预留 {total} 元。"
    ),
    "Training in two processes on handwritten digits; it will fail once, on purpose.": "用两个进程在手写数字上训练；将故意失败一次。",
    "attempt {number}": "第 {number} 次尝试",
    "loss {loss}": "损失 {loss}",
    "attempt {number}: {state}, exits {exits}, {count} checkpoints": "第 {number} 次尝试：{state}，退出码 {exits}，{count} 个检查点",
    "loss went from {first} to {last}": "损失从 {first} 降到 {last}",
    "The invoice: {total} CNY for {hours} card-hours.": "账单：{hours} 卡时，共 {total} 元。",
    "Where every card-hour went:": "每个卡时去了哪里：",
    "both books balance": "两本账都平衡",
    "THE BOOKS DO NOT BALANCE": "账不平衡",
    "ledger check: {verdict} ({checked})": "账本核对：{verdict}（{checked}）",
    "Left in {folder}: {names}": "已留存于 {folder}：{names}",
    "scikit-learn's handwritten digits: 1,797 images of 8 × 8 pixels": "scikit-learn 自带的手写数字：1,797 张 8 × 8 像素图像",
}
