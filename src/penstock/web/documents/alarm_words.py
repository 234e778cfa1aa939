"""Alarms in Chinese: what each kind says and what to do; names of figures; in English an alarm says it itself."""

SENTENCES: dict[str, tuple[str, str]] = {
    "idle_holdings": (
        "{about} 持有的卡时大多没有用",
        "告知该租户；可提前结束租约，或改签较小的租约并以竞价补足；或在租约中允许出借闲置设备",
    ),
    "pool_idle": (
        "{about} 的可用时间售出比例低于下限",
        "看最大的一项空闲原因：`penstock ladder --line …` 与 `penstock lost`。所附 10–15 % 是对通用企业算力中心的说法，并非智算中心",
    ),
    "rent_below_carrying": (
        "{about} 每卡时的租金低于同一小时的折旧：即使满租也收不回账面值",
        "做减值测试（`penstock plan economics`）；提价，或趁市价高于其将来收入时出售设备",
    ),
    "backlog_concentrated": (
        "在手订单集中于少数客户，最大者为 {about}",
        "收取押金，错开租约到期日，在他们离开之前寻找其他客户",
    ),
    "drift": ("{about} 的实测低于验收时的水平", "在空闲且降温后重新校准；仍低则排空并报修"),
}
WORDS: dict[str, str] = {
    "idle_holdings": "持卡不用",
    "pool_idle": "池子闲置",
    "rent_below_carrying": "租金不抵折旧",
    "backlog_concentrated": "订单集中",
    "drift": "性能下降",
    "port": "移植软件",
    "buy": "购置芯片",
    "memory": "更大内存",
    "defragment": "整理碎片",
    "booking": "预订占用",
    "quota": "提高配额",
    "price": "价格",
    "place": "地点",
    "expand": "扩容",
    "job": "作业",
    "quote": "询价",
}
