"""The fictional people who live in the sandbox.

Their document numbers have the shape, the date and the check digit of GB 11643-1999, but a county code
(532399, Yunnan) that was never given out, so none of them can be the number of a real person.
"""

from dataclasses import dataclass
from datetime import date

COUNTY = "532399"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT_ID_CARD = "111"  # GA/T 2000.156, the document type code of a resident ID card


@dataclass(frozen=True)
class Person:
    """A resident (has a birth date and a document) or a member of staff (has a staff number)."""

    key: str
    name: str
    english: str
    phone: str
    about: str
    born: date | None = None
    sequence: int = 0  # odd for men, even for women
    level: int = 3
    staff_number: str | None = None

    @property
    def document_number(self) -> str | None:
        """18 characters, or None for staff."""
        if self.born is None:
            return None
        body = f"{COUNTY}{self.born:%Y%m%d}{self.sequence:03d}"
        return body + check_character(body)


def check_character(body: str) -> str:
    """The eighteenth character for the first 17 digits (GB 11643: weighted sum modulo 11)."""
    return "10X98765432"[sum(int(d) * w for d, w in zip(body, WEIGHTS, strict=True)) % 11]


PERSONS: dict[str, Person] = {
    person.key: person
    for person in (
        Person("wang-guilan", "王桂兰", "Wang Guilan", "19900000001", "83 岁，申领高龄津贴", date(1943, 3, 8), 22),
        Person("li-jianguo", "李建国", "Li Jianguo", "19900000002", "务工人员，办居住证", date(1988, 6, 15), 31),
        Person("ouyang-xue", "欧阳雪", "Ouyang Xue", "19900000003", "复姓，没有公积金账户", date(1996, 11, 2), 46),
        Person("zhang-wei", "张伟", "Zhang Wei", "19900000004", "有公积金账户", date(1979, 9, 21), 17),
        Person("chen-clerk", "陈静", "Chen Jing", "19900000011", "窗口人员 clerk", staff_number="S0001"),
        Person("zhao-auditor", "赵敏", "Zhao Min", "19900000012", "审计员 auditor", staff_number="S0002"),
        Person("liu-adviser", "刘洋", "Liu Yang", "19900000013", "帮办员 adviser", staff_number="S0003"),
        Person("sun-administrator", "孙丽", "Sun Li", "19900000014", "管理员 administrator", staff_number="S0004"),
        Person("zhou-administrator", "周强", "Zhou Qiang", "19900000015", "管理员 administrator", staff_number="S0005"),
        Person("wu-head", "吴刚", "Wu Gang", "19900000016", "公安负责人 head", staff_number="S0006"),
        Person("zheng-head", "郑芳", "Zheng Fang", "19900000017", "民政负责人 head", staff_number="S0007"),
        Person("he-supervisor", "何平", "He Ping", "19900000018", "监督员 supervisor", staff_number="S0008"),
    )
}


def residents() -> list[Person]:
    return [person for person in PERSONS.values() if person.staff_number is None]


def staff() -> list[Person]:
    return [person for person in PERSONS.values() if person.staff_number is not None]
