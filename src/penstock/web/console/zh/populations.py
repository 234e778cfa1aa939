"""What figures are about, by the shape of the sentence; `{}` is a value."""

POPULATIONS: dict[str, str] = {
    "card time that {} held": "{} 持有的卡时",
    "{} commissioned devices of {}": "{} 台已投运的 {1}",
    "{} devices of {} with a recorded cost": "{} 台已登记成本的 {1}",
    "general-purpose enterprise compute centres": "通用企业算力中心",
    "leases of {} customers, not yet delivered, in {}": "{} 个客户尚未交付的租约，{1}",
    "device {}": "设备 {}",
    "{}, {} to {} UTC": "{}，{} 至 {}（UTC）",
}
