"""The approval systems that the sandbox plays: one for each department whose services are sent by signed webhook."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Office:
    """`prefix` begins the office's own case numbers."""

    name: str
    prefix: str


WEBHOOK_OFFICES = {
    "gongan": Office("公安局（沙箱）", "GA"),
    "minzheng": Office("民政局（沙箱）", "MZ"),
    "canlian": Office("残疾人联合会（沙箱）", "CL"),
    "jiaoyu": Office("教育体育局（沙箱）", "JY"),
    "renshe": Office("人力资源和社会保障局（沙箱）", "RS"),
    "shichang": Office("市场监督管理局（沙箱）", "SC"),
    "weijian": Office("卫生健康局（沙箱）", "WJ"),
    "yancao": Office("烟草专卖局（沙箱）", "YC"),
    "yibao": Office("医疗保障局（沙箱）", "YB"),
    "ziran": Office("自然资源局（沙箱）", "ZR"),
}

OFFICES = WEBHOOK_OFFICES | {"gjj": Office("住房公积金管理中心（沙箱）", "GJJ")}


def name(code: str) -> str:
    """What the office is called on pages and results; any code has a name, for a deployment's own offices."""
    return OFFICES[code].name if code in OFFICES else f"{code}（沙箱）"


def prefix(code: str) -> str:
    return OFFICES[code].prefix if code in OFFICES else code.upper()
