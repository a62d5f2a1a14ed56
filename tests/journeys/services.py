"""The stories of the nine other services: what a resident can do with each of them today, told step by step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from tests.journeys.http import Unexpected
from tests.journeys.people import portrait
from tests.journeys.stories import FIRST_STORIES, Application, ResidencePermit, Step, need


class OfAnotherOffice(Application):
    """A service of an office the clerk of the story does not work for, with the papers that the answers ask for."""

    papers: tuple[str, ...] = ()

    def fill_in(self) -> str:
        told = super().fill_in()
        for paper in self.papers:
            upload = self.me.upload(paper, "材料.jpg", "image/jpeg", portrait())
            need(upload["state"] == "clean", f"{paper} is {upload}")
        return f"{told}; papers: {', '.join(self.papers) or 'none'}"

    def look_up(self) -> str:
        self.clerk.log_in()
        look = self.clerk.look_up(self.receipt["reference"], "办事人来电询问进度")
        need(look["submission"] is None, "a clerk saw another department's submission")
        return "another department's clerk: nothing to see"


class TobaccoLicence(OfAnotherOffice):
    """Places are few, so the turn counts: whoever files first comes first."""

    title = "烟草专卖零售许可证 · Tobacco retail licence (turn order)"
    person, service, office = "li-jianguo", "tobacco-retail-licence", "yancao"
    answers: dict[str, Any] = {  # noqa: RUF012 -- read only
        "situations": {"business_kind": "individual"},
        "shop_name": "太平小卖部",
        "credit_code": "92532399MA0000001A",
        "premises_region": "532999",
        "premises_address": "太平镇幸福路18号",
        "separate_from_home": True,
        "shop_type": "grocery",
        "minors_promise": True,
    }

    def read_notice(self) -> str:
        quota = self.me.api.get(f"/v1/services/{self.service}").json()["quota"]
        need(bool(quota), "the guide does not tell the quota")
        return super().read_notice()


class FoodLicence(OfAnotherOffice):
    """An enterprise's licence: today whoever runs the enterprise files it in their own name."""

    title = "食品经营许可 · Food business licence (enterprise)"
    person, service, office = "zhang-wei", "food-business-licence", "shichang"
    answers: dict[str, Any] = {  # noqa: RUF012 -- read only
        "situations": {"handling": "new", "operator": "catering"},
        "premises_region": "532999",
        "premises_address": "太平镇幸福路20号",
        "premises_area": 60,
        "food_items": ["hot_food"],
        "safety_manager": "张伟",
        "safety_manager_phone": "13812345678",
        "delivery": "electronic",
    }
    papers = ("layout-and-workflow", "safety-rules")


class IdentityCard(Application):
    """A service with a fee: the guide tells the price, and it is paid at the counter."""

    title = "居民身份证换领 · Identity card (fee)"
    person, service, office = "li-jianguo", "id-card-replacement", "gongan"
    answers: dict[str, Any] = {  # noqa: RUF012 -- read only
        "situations": {"reason": "expired"},
        "delivery": "counter",
    }

    def read_notice(self) -> str:
        fees = self.me.api.get(f"/v1/services/{self.service}").json()["fees"]
        need(fees["charged"], "the guide does not tell the fee")
        return super().read_notice()


class Marriage(OfAnotherOffice):
    """A wish for a day. The law wants both in person, so nothing is signed here."""

    title = "结婚登记预约 · Marriage registration (booking)"
    person, service, office = "ouyang-xue", "marriage-registration", "minzheng"
    signed = False

    def fill_in(self) -> str:
        self.answers = {
            "partner_name": "李建国",
            "partner_document_number": resident_number("19880615031"),
            "partner_agrees": True,
            "preferred_date": (date.today() + timedelta(days=7)).isoformat(),
            "part_of_day": "morning",
        }
        return super().fill_in()


class Newborn(OfAnotherOffice):
    """Four matters of four departments, filed once; the leading department receives it."""

    title = "新生儿出生一件事 · Newborn, one thing"
    person, service, office = "ouyang-xue", "newborn-one-thing", "weijian"
    answers: dict[str, Any] = {  # noqa: RUF012 -- read only
        "situations": {
            "applicant_role": "mother",
            "wants_birth_certificate": "yes",
            "wants_household": "yes",
            "wants_insurance": "yes",
            "wants_card": "no",
            "other_parent": "left_out",
            "register_with": "mother",
        },
        "child_name": "欧阳小雨",
        "child_birth_date": "2026-10-01",
        "hospital": "示例县人民医院",
        "child_ethnicity": "汉族",
        "register_address": "太平镇幸福路18号",
        "insurance_region": "532999",
        "delivery": "counter",
    }

    def fill_in(self) -> str:
        self.answers = self.answers | {"register_document_number": resident_number("19961102046")}
        return super().fill_in()


class Deeds(OfAnotherOffice):
    """The highest identity level: who logged in with less is refused, and steps up."""

    title = "不动产登记资料查询 · Real-estate records (level 4)"
    person, service, office = "zhang-wei", "real-estate-records-query", "ziran"
    answers: dict[str, Any] = {  # noqa: RUF012 -- read only
        "situations": {"wanted": "look", "scope": "everything"}
    }

    def sign(self) -> str:
        upload = self.me.upload("signature", "签名.jpg", "image/jpeg", portrait())
        refused = self.me.api.post(f"{self.me.path}/signature", {"upload": upload["id"]}, expect=(403,)).json()
        self.me.log_in(level=4)
        return f"level 3: {refused['code']}; level 4: {super().sign()}"


class School(OfAnotherOffice):
    """The applicant is a child; a parent logs in and files."""

    title = "义务教育入学报名 · School enrolment (child and guardian)"
    person, service, office = "li-jianguo", "school-enrolment", "jiaoyu"
    papers = ("work-proof",)

    def fill_in(self) -> str:
        self.answers = {
            "situations": {
                "stage": "primary",
                "household": "elsewhere",
                "guardian_kind": "parent",
                "basis_here": "work",
            },
            "child_name": "李小雨",
            "child_document_number": resident_number("20200310022"),
            "home_region": "532999",
            "home_address": "太平镇幸福路18号",
            "boarding": False,
        }
        return super().fill_in()


class Subsistence(OfAnotherOffice):
    """What makes life hard decides the papers, and each member of the family stands in the form."""

    title = "最低生活保障 · Subsistence allowance (situations, family)"
    person, service, office = "wang-guilan", "subsistence-allowance", "minzheng"
    papers = ("family-consent", "diagnosis")

    def fill_in(self) -> str:
        son = {
            "name": "王强",
            "relation": "child",
            "document_number": resident_number("19700101013"),
            "situation_now": "odd_jobs",
            "income": 900,
        }
        self.answers = {
            "situations": {"apply_for": "family", "other_adults": "some", "hardships": "illness"},
            "home_region": "532999",
            "home_address": "太平镇太平村3组",
            "own_work": "unable",
            "own_income": 0,
            "members": [son],
            "property": ["none"],
            "pay_to": "social_card",
            "agree_to_checks": True,
        }
        return super().fill_in()


class PriceSubsidy(Application):
    """Paid by itself: its guide and notice can be read, and nobody is made to apply."""

    title = "价格临时补贴（免申即享）· Price subsidy (without application)"
    person, service, office = "wang-guilan", "price-subsidy", "minzheng"

    def steps(self) -> Iterator[Step]:
        yield "登录 · Log in with e-ID", self.log_in
        yield "看指南 · Read the guide", self.read_guide
        yield "看告知书 · Read the privacy notices", self.read_notice
        yield "不用申请 · No application is needed", self.no_application

    def no_application(self) -> str:
        refused = self.me.api.post("/v1/submissions", {"service": self.service}, expect=(409,)).json()
        if refused["code"] != "service_not_online":
            raise Unexpected(f"refused as {refused['code']}")
        return f"409 {refused['code']}: {refused['detail']}"


def resident_number(body: str) -> str:
    """A fictional number in a county that was never given out, from birth date and sequence (GB 11643)."""
    digits = f"532399{body}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


class CorrectedPermit(ResidencePermit):
    """The office wants something corrected first, all of it at once; what was filed stays as it was meanwhile."""

    title = "居住证申领，先补正 · Residence permit, corrected first"
    person = "ouyang-xue"
    messages = 6

    def steps(self) -> Iterator[Step]:
        for title, step in super().steps():
            if step == self.submit:
                yield "部门改为人工办理 · The office answers by hand", self.by_hand
            if step == self.follow:
                yield "部门要求补正 · The office asks for a correction", self.ask_correction
                yield "补正，与已提交内容分开 · Correct it, held apart", self.correct
                yield "重新签名并提交 · Sign and file again", self.refile
            yield title, step

    def by_hand(self) -> str:
        self.me.sandbox.send("PUT", f"/office/{self.office}/control", json={"auto": False})
        return "no answers by itself"

    def ask_correction(self) -> str:
        case = self.me.until(self.cases, lambda found: len(found) == 1)[0]
        items = [{"pointer": "/answers/address_detail", "words": "门牌号写错了，应为19号"}]
        wish = {"kind": "correction_asked", "reason": "地址有误，请一次补正", "terms": {"items": items}}
        self.me.sandbox.send("POST", f"/office/{self.office}/cases/{case['office_reference']}", json=wish)
        progress = self.me.until(self.me.progress, lambda it: it["state"] == "correcting")
        need(progress["asked"]["items"] == items, f"asked was {progress['asked']}")
        return f"{progress['asked']['words']}: {items[0]['words']} ({progress['asked']['until']})"

    def cases(self) -> list[dict[str, Any]]:
        page = self.me.sandbox.get(f"/office/{self.office}", headers={"Accept": "application/json"}).json()
        return [case for case in page["items"] if case["reference"] == self.receipt["reference"]]

    def correct(self) -> str:
        self.me.etag = self.me.api.get(self.me.path).headers["ETag"]
        self.me.fill_in({"address_detail": "太平镇幸福路19号3栋2单元501室"})
        [filed] = self.cases()
        need("18号" in filed["event"]["data"]["answers"]["address_detail"], "what was filed has changed")
        return "saved; the office still has what was filed"

    def refile(self) -> str:
        self.sign()
        self.me.sandbox.send("PUT", f"/office/{self.office}/control", json={"auto": True})
        receipt = self.me.submit()
        need(receipt["reference"] == self.receipt["reference"], "another reference")
        need(receipt["turn"] == self.receipt["turn"], "another turn")
        [change] = self.me.api.get(f"{self.me.path}/changes").json()["items"][0]["answers"]
        return f"{change['label']}: {change['before']} → {change['after']}"

    def follow(self) -> str:
        self.progress = self.me.wait_for_the_end(90 + self.office_down)
        steps = [event["step"] for event in self.progress["events"]]
        need(steps == ["receive", "ask_correction", "refile", "accept", "approve", "complete"], f"steps were {steps}")
        return " → ".join(event["text"] for event in self.progress["events"])


STORIES: dict[str, type[Application]] = FIRST_STORIES | {
    "tobacco": TobaccoLicence,
    "food": FoodLicence,
    "id-card": IdentityCard,
    "marriage": Marriage,
    "newborn": Newborn,
    "deeds": Deeds,
    "school": School,
    "subsistence": Subsistence,
    "subsidy": PriceSubsidy,
    "corrected": CorrectedPermit,
}
