"""The fictional organisations (法人) of the sandbox, and who may act for them.

Their codes have the shape and the check character of GB 32100-2015, but a county code (532399) that was never given
out.
"""

from dataclasses import dataclass

LEGAL_REPRESENTATIVE, HANDLER = "1", "2"  # As the province writes the role 法定代表人, 经办人.


@dataclass(frozen=True)
class Organisation:
    key: str
    name: str
    english: str
    credit_code: str
    people: dict[str, str]  # key of the person → role


ORGANISATIONS: dict[str, Organisation] = {
    one.key: one
    for one in (
        Organisation(
            "yunling",
            "云岭沙箱商贸有限公司",
            "Yunling Sandbox Trading",
            "91532399MA6YUNX11M",
            {"zhang-wei": LEGAL_REPRESENTATIVE, "li-jianguo": HANDLER},
        ),
        Organisation(
            "taiping",
            "太平镇沙箱养老服务中心",
            "Taiping Sandbox Care",
            "52532399MA6TAPX224",
            {"ouyang-xue": LEGAL_REPRESENTATIVE},
        ),
    )
}
