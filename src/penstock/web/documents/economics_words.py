"""The words of the economics report in both languages."""

from penstock.web.documents.ladder_words import Language

LINES: dict[str, dict[Language, str]] = {
    "revenue": {"en": "revenue", "zh": "收入"},
    "depreciation": {"en": "depreciation", "zh": "折旧"},
    "power": {"en": "electricity", "zh": "电费"},
    "colocation": {"en": "colocation", "zh": "机柜托管"},
    "staff": {"en": "staff", "zh": "人工"},
    "bandwidth": {"en": "bandwidth", "zh": "带宽"},
    "maintenance": {"en": "maintenance", "zh": "维保"},
    "gross_profit": {"en": "gross profit", "zh": "毛利"},
    "gross_margin": {"en": "gross margin", "zh": "毛利率"},
    "surtax": {"en": "surtax", "zh": "税金及附加"},
    "research": {"en": "research and development", "zh": "研发费用"},
    "selling": {"en": "selling", "zh": "销售费用"},
    "administration": {"en": "administration", "zh": "管理费用"},
    "impairment": {"en": "impairment and disposal", "zh": "减值与处置"},
    "interest": {"en": "interest", "zh": "利息"},
    "subsidy": {"en": "subsidies", "zh": "补贴"},
    "before_tax": {"en": "profit before income tax", "zh": "税前利润"},
    "income_tax": {"en": "income tax", "zh": "所得税"},
    "net": {"en": "net", "zh": "净额"},
    "net_margin": {"en": "net margin", "zh": "净利率"},
    "received": {"en": "received from customers", "zh": "销售收款"},
    "operating_paid": {"en": "running costs paid", "zh": "经营付款"},
    "invested": {"en": "servers paid", "zh": "设备付款"},
    "subsidies_received": {"en": "subsidies received", "zh": "收到补贴"},
    "interest_paid": {"en": "interest paid", "zh": "支付利息"},
    "repaid": {"en": "debt repaid", "zh": "偿还借款"},
    "drawn": {"en": "debt drawn", "zh": "取得借款"},
    "tax_paid": {"en": "income tax paid", "zh": "支付所得税"},
    "resale": {"en": "resale", "zh": "处置收款"},
    "project": {"en": "cash of the project", "zh": "项目现金流"},
    "capacity": {"en": "card time in service", "zh": "投运卡时"},
    "let": {"en": "card time let", "zh": "出租卡时"},
    "occupancy": {"en": "let", "zh": "出租率"},
    "break_even_occupancy": {"en": "break-even: share let", "zh": "盈亏平衡出租率"},
    "break_even_price": {"en": "break-even: share of the rents", "zh": "盈亏平衡租金（占计划租金）"},
    "revenue_per_card_hour": {"en": "revenue per card-hour let", "zh": "每出租卡时收入"},
    "cost_per_card_hour": {"en": "all costs per card-hour in service", "zh": "每投运卡时总成本"},
    "cost_per_let_card_hour": {"en": "all costs per card-hour let", "zh": "每出租卡时总成本"},
    "npv": {"en": "net present value", "zh": "净现值"},
    "irr_yearly": {"en": "internal rate of return, by years", "zh": "内部收益率（按年）"},
    "xirr": {"en": "internal rate of return, by months (XIRR)", "zh": "内部收益率（按月，XIRR）"},
    "equity_xirr": {"en": "return on equity cash (XIRR)", "zh": "股东现金收益率（XIRR）"},
    "payback": {"en": "payback", "zh": "回收期"},
    "runway": {"en": "cash lasts", "zh": "现金可维持"},
    "budget": {"en": "budget", "zh": "预算"},
    "committed": {"en": "committed", "zh": "已签约"},
    "paid": {"en": "paid", "zh": "已付款"},
    "in_service": {"en": "in service", "zh": "已投运"},
    "contribution": {"en": "contribution", "zh": "贡献"},
    "cards": {"en": "cards", "zh": "卡数"},
    "power_per_card_hour": {"en": "electricity per card-hour", "zh": "每卡时电费"},
    "signed": {"en": "contracts signed", "zh": "签约合同数"},
    "signed_amount": {"en": "signed", "zh": "签约金额"},
    "terminated": {"en": "contracts terminated", "zh": "终止合同数"},
    "terminated_amount": {"en": "terminated", "zh": "终止金额"},
    "never_executed": {"en": "terminated without having begun", "zh": "未执行即终止"},
    "never_executed_amount": {"en": "terminated without having begun", "zh": "未执行即终止金额"},
    "net_amount": {"en": "backlog net of terminations", "zh": "扣除终止后的在手合同"},
    "remaining_amount": {"en": "still to be delivered", "zh": "尚待交付"},
    "top_ten": {"en": "ten largest customers", "zh": "前十大客户占比"},
    "per_month": {"en": "per month", "zh": "每月"},
    "per_server_month": {"en": "per server and month", "zh": "每台每月"},
    "per_card_hour": {"en": "per card-hour", "zh": "每卡时"},
    "implied_net": {"en": "net, implied since the shorter filing", "zh": "两次披露之间的净额（推算）"},
    "carrying": {"en": "carrying value", "zh": "账面价值"},
    "disposal_result": {"en": "gain or loss on resale", "zh": "处置损益"},
    "debt": {"en": "debt still owed", "zh": "未偿借款"},
    "penalties": {"en": "contract penalties", "zh": "违约金"},
    "cash": {"en": "cash", "zh": "现金"},
    "left": {"en": "left for the owners", "zh": "剩余归股东"},
    "rent_decline": {"en": "rents fall", "zh": "租金跌幅"},
    "useful_life": {"en": "years in use", "zh": "使用年限"},
    "purchase_price": {"en": "price of servers", "zh": "采购价"},
    "power_price": {"en": "price of electricity", "zh": "电价"},
    "pue": {"en": "PUE", "zh": "PUE"},
}

TITLES: dict[str, dict[Language, str]] = {
    "profit": {"en": "Profit and loss", "zh": "损益表"},
    "cash": {"en": "Cash, beside it", "zh": "现金流量（对照）"},
    "measures": {"en": "What it comes to", "zh": "关键指标"},
    "stages": {"en": "Budget, commitment, payments, cost in service", "zh": "预算、签约、付款、投运成本"},
    "tranches": {"en": "Each tranche by itself", "zh": "各批次"},
    "lives": {
        "en": "The same servers written off over 4, 5 and 6 years",
        "zh": "同一批设备按 4、5、6 年折旧",
    },
    "tornado": {
        "en": "What matters most: present value at both ends of each assumption",
        "zh": "敏感性：各假设两端的净现值",
    },
    "contracts": {"en": "Contracts", "zh": "合同"},
    "filed": {"en": "As filed", "zh": "披露口径"},
    "exit": {"en": "Winding down", "zh": "退出清算"},
    "findings": {"en": "To be said aloud", "zh": "必须说明"},
    "claims": {"en": "What follows from the claims", "zh": "由公开说法推出"},
    "parameters": {"en": "Built-in parameters", "zh": "内置参数"},
}

COLUMNS: dict[str, dict[Language, str]] = {
    "line": {"en": "line", "zh": "项目"},
    "whole": {"en": "whole", "zh": "合计"},
    "value": {"en": "figure", "zh": "数值"},
    "unit": {"en": "unit", "zh": "单位"},
    "status": {"en": "status", "zh": "性质"},
    "tranche": {"en": "tranche", "zh": "批次"},
    "years": {"en": "{years} years", "zh": "{years} 年"},
    "low": {"en": "worse end", "zh": "不利端"},
    "high": {"en": "better end", "zh": "有利端"},
    "npv_low": {"en": "value there", "zh": "不利端净现值"},
    "npv_high": {"en": "value there", "zh": "有利端净现值"},
    "reach": {"en": "between", "zh": "差距"},
    "period": {"en": "period", "zh": "期间"},
    "population": {"en": "about", "zh": "口径"},
    "source": {"en": "source", "zh": "来源"},
    "parameter": {"en": "parameter", "zh": "参数"},
    "range_low": {"en": "low", "zh": "低"},
    "range_base": {"en": "base", "zh": "基准"},
    "range_high": {"en": "high", "zh": "高"},
    "centre": {"en": "centre", "zh": "中心"},
}

STATUS: dict[str, dict[Language, str]] = {
    "claimed": {"en": "claimed", "zh": "声称"},
    "derived": {"en": "derived", "zh": "推算"},
    "measured": {"en": "measured", "zh": "实测"},
    "audited": {"en": "audited", "zh": "经审计"},
    "unaudited": {"en": "unaudited", "zh": "未经审计"},
}

FINDINGS: dict[str, dict[Language, str]] = {
    "break_even_above_full": {
        "en": "Break-even needs {occupancy:.0%} of the card time to be let: at these prices the centre cannot earn "
        "what it costs. Do not build it at this price.",
        "zh": "盈亏平衡需要出租 {occupancy:.0%} 的卡时：按此价格，满租也收不回成本。不应按此价格建设。",
    },
    "never_breaks_even": {
        "en": "No occupancy breaks even: what is let earns less than letting it costs. Do not build it.",
        "zh": "任何出租率都无法盈亏平衡：出租收入低于出租成本。不应建设。",
    },
    "plan_ends_early": {
        "en": "The plan ends before its servers do, so it has no rate of return and no present value.",
        "zh": "计划期短于设备使用年限，因此不给出收益率和净现值。",
    },
    "idle_alarm": {
        "en": "{about}: {occupancy:.0%} let is an idle alarm. IDC's {low:.0%} to {high:.0%} is said of general-purpose "
        "enterprise centres, not of AI centres.",
        "zh": "{about}：出租率 {occupancy:.0%}，属闲置警报。IDC 的 {low:.0%} 至 {high:.0%} 说的是通用算力中心，并非智算中心。",
    },
    "sparse_figure": {
        "en": "{about}: {claimed:,.0f} PFLOPS claimed are {per_card:,.0f} TFLOPS per card, the sparse figure; dense "
        "it is {dense:,.0f}, so {halved:,.0f} PFLOPS. A rent per PFLOPS buys half as much.",
        "zh": "{about}：声称 {claimed:,.0f} PFLOPS，合每卡 {per_card:,.0f} TFLOPS，是稀疏口径；稠密为 {dense:,.0f}，"
        "即 {halved:,.0f} PFLOPS。按 PFLOPS 计的租金实际只买到一半。",
    },
    "claim_contradicts_catalogue": {
        "en": "{about}: {claimed:,.0f} PFLOPS claimed are {per_card:,.0f} TFLOPS per card; the catalogue says "
        "{dense:,.0f}.",
        "zh": "{about}：声称 {claimed:,.0f} PFLOPS，合每卡 {per_card:,.0f} TFLOPS；目录值为 {dense:,.0f}。",
    },
    "impairment_trigger": {
        "en": "{about}: from month {month:.0f} on the rent of {rent} per server no longer recovers the {needed} that "
        "its books need. Test it for impairment.",
        "zh": "{about}：自 {month:.0f} 起，每台月租 {rent} 已收不回账面所需的 {needed}，应做减值测试。",
    },
    "activation_blocked": {
        "en": "Contract {about} is not activated without a person: {reasons}.",
        "zh": "合同 {about} 不得自动生效：{reasons}。",
    },
}
REASONS: dict[str, dict[Language, str]] = {
    "related_party": {"en": "related party", "zh": "关联方"},
    "credit_doubtful": {"en": "doubtful credit", "zh": "信用存疑"},
    "credit_bad": {"en": "bad credit", "zh": "信用不良"},
    "credit_unknown": {"en": "unknown credit", "zh": "信用未知"},
    "terminated": {"en": "terminated", "zh": "已终止"},
}
