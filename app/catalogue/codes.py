"""Code sets: GB/T 39046-2020 tables A.1 to A.6, and what services are browsed by, with their words.

Topics are the classes that provincial portals show to persons and to organisations; life events and audiences are ours.
"""

from __future__ import annotations

Words = dict[str, str]


def _words(*rows: tuple[str, str, str]) -> dict[str, Words]:
    return {code: {"zh": zh, "en": en} for code, zh, en in rows}


ITEM_TYPES = _words(
    ("00", "权力事项", "Power item"),
    ("01", "行政许可", "Licence"),
    ("02", "行政处罚", "Penalty"),
    ("03", "行政强制", "Compulsion"),
    ("04", "行政征收", "Levy"),
    ("05", "行政给付", "Payment"),
    ("06", "行政检查", "Inspection"),
    ("07", "行政确认", "Confirmation"),
    ("08", "行政奖励", "Reward"),
    ("09", "行政裁决", "Ruling"),
    ("10", "其他行政权力", "Other power"),
    ("20", "公共服务", "Public service"),
)
"""Table A.1."""

LEVELS = _words(
    ("1", "国家级", "National"),
    ("2", "省级", "Province"),
    ("3", "市级", "City"),
    ("4", "县级", "County"),
    ("5", "乡镇级", "Town"),
    ("6", "村级", "Village"),
    ("7", "分级管理", "Graded"),
)
"""Table A.2."""

BODY_NATURES = _words(
    ("1", "法定机关", "Statutory"),
    ("2", "授权组织", "Authorised"),
    ("3", "受委托组织", "Entrusted"),
    ("9", "其他", "Other"),
)
"""Table A.3."""

TARGETS = _words(
    ("1", "自然人", "Natural person"),
    ("2", "企业法人", "Enterprise"),
    ("3", "事业法人", "Institution"),
    ("4", "社会组织法人", "Social organisation"),
    ("5", "行政机关", "Administrative organ"),
    ("6", "其他组织", "Other"),
)
"""Table A.4."""

PERSON_TARGET = 1

CHANNELS = _words(
    ("1", "窗口办理", "Window"),
    ("2", "网上办理", "Web"),
    ("3", "移动端办理", "Mobile"),
    ("4", "快递申请", "Express"),
    ("9", "其他", "Other"),
)
"""Table A.5."""

MOBILE_CHANNEL = 3

CASE_TYPES = _words(("1", "即办件", "On the spot"), ("2", "承诺件", "Promised"), ("9", "其他", "Other"))
"""Table A.6."""

TOPICS = _words(
    ("birth-adoption", "生育收养", "Birth and adoption"),
    ("household", "户籍办理", "Household registration"),
    ("ethnic-religion", "民族宗教", "Ethnic and religious affairs"),
    ("education", "教育科研", "Education and research"),
    ("military", "入伍服役", "Military service"),
    ("employment", "就业创业", "Work and business"),
    ("social-insurance", "社会保险", "Social insurance"),
    ("social-assistance", "社会救助", "Social assistance"),
    ("qualification", "职业资格", "Professional qualification"),
    ("payments", "行政缴费", "Payments"),
    ("marriage", "婚姻登记", "Marriage"),
    ("honours", "优待抚恤", "Preferential treatment and pensions"),
    ("planning", "规划建设", "Planning and building"),
    ("housing", "住房保障", "Housing"),
    ("certificates", "证件办理", "Documents"),
    ("transport", "交通出行", "Transport"),
    ("tourism", "旅游观光", "Tourism"),
    ("exit-entry", "出境入境", "Exit and entry"),
    ("consumer", "消费维权", "Consumer rights"),
    ("public-safety", "公共安全", "Public safety"),
    ("justice", "司法公证", "Justice and notaries"),
    ("intellectual-property", "知识产权", "Intellectual property"),
    ("environment", "环保绿化", "Environment"),
    ("culture", "文化体育", "Culture and sport"),
    ("utilities", "公用事业", "Utilities"),
    ("health", "医疗卫生", "Health"),
    ("retirement", "离职退休", "Leaving work and retirement"),
    ("elderly", "老年服务", "Services for older people"),
    ("disability", "残疾人服务", "Services for disabled people"),
    ("funeral", "死亡殡葬", "Death and funeral"),
    ("company-setup", "设立变更", "Setting up and changing a business"),
    ("company-permits", "准营准办", "Business permits"),
    ("tax", "税收财务", "Tax and finance"),
    ("land", "国土和不动产", "Land and real estate"),
    ("agriculture", "农林牧渔", "Farming, forestry and fishing"),
    ("investment", "投资审批", "Investment"),
    ("bidding", "招标拍卖", "Tenders"),
    ("company-closing", "破产注销", "Closing a business"),
    ("other", "其他", "Other"),
)

LIFE_EVENTS = _words(
    ("birth", "出生", "Having a child"),
    ("school", "入学", "Going to school"),
    ("work", "就业", "Finding work"),
    ("business", "创业", "Starting a business"),
    ("marriage", "结婚", "Getting married"),
    ("home", "安居", "Finding a home"),
    ("moving", "迁移", "Moving"),
    ("travel", "出行", "Driving and travelling"),
    ("illness", "就医", "Falling ill"),
    ("hardship", "救助", "Falling on hard times"),
    ("disability", "助残", "Living with a disability"),
    ("enlisting", "入伍退役", "Enlisting and leaving the army"),
    ("retirement", "退休", "Retiring"),
    ("ageing", "养老", "Growing old"),
    ("bereavement", "身后事", "After a death"),
)

AUDIENCES = _words(
    ("everybody", "所有人", "Everybody"),
    ("children", "儿童", "Children"),
    ("students", "学生", "Students"),
    ("job-seekers", "求职者", "Job seekers"),
    ("workers", "职工", "Employees"),
    ("farmers", "农民", "Farmers"),
    ("migrants", "外来务工人员", "People from elsewhere"),
    ("parents", "父母", "Parents"),
    ("older", "老年人", "Older people"),
    ("disabled", "残疾人", "Disabled people"),
    ("veterans", "退役军人", "Veterans"),
    ("low-income", "困难群众", "People in hardship"),
    ("overseas", "港澳台侨和外国人", "People from Hong Kong, Macau, Taiwan and abroad"),
    ("self-employed", "个体工商户", "Self-employed people"),
    ("enterprises", "企业", "Enterprises"),
    ("organisations", "社会组织", "Organisations"),
)
