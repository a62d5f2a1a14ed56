"""Holdings: the one table of everything we hold about a person.

For each table with something personal in it: how a person's rows are found, how they are told in a copy (个人信息保护法
第四十五条), and when and why they end (第四十七条). Copies, erasures and the purge read nothing else, and a test
walks all tables, so a new one cannot be forgotten. Tables of other rooms are named here and never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Table

from app.database import metadata

AT_ONCE: Final = "at_once"
WITH_SUBMISSION: Final = "with_submission"
WITH_PERSON: Final = "with_person"
AUDIT: Final = "audit"
"""When rows end: with the closing itself; a draft's with the closing, a finished submission's when its retention
ends; with the last submission that is kept; when the records of staff end."""

ENDINGS: Final[Mapping[str, Mapping[str, str]]] = {
    AT_ONCE: {
        "zh": "注销时立即删除（个人信息保护法第四十七条）",
        "en": "erased as soon as the account is closed (PIPL art. 47)",
    },
    WITH_SUBMISSION: {
        "zh": "草稿立即删除；已办结的办件只存储、不再使用，保管期限届满后销毁密钥（个人信息保护法第四十七条第二款、"
        "机关文件材料归档范围和文书档案保管期限规定）",
        "en": "drafts are erased at once; finished submissions are stored and nothing else until their retention ends, "
        "then their keys are destroyed (PIPL art. 47 para. 2; State Archives Decree No. 8)",
    },
    WITH_PERSON: {
        "zh": "与最后一件须依法保存的办件同时销毁",
        "en": "destroyed with the last submission that the law keeps",
    },
    AUDIT: {
        "zh": "工作人员查询记录留存三年，用于监督，不作他用（网络安全法第二十三条、个人信息保护法第五十一条）",
        "en": "records of what staff did are kept for three years, to supervise them and for nothing else "
        "(Cybersecurity Law art. 23, PIPL art. 51)",
    },
}

Words = Mapping[str, str]


def _words(zh: str, en: str) -> Words:
    return {"zh": zh, "en": en}


@dataclass(frozen=True)
class Holding:
    """One table. `whose` and `of_submissions` are SQL conditions on it, with `:person` and `:submissions` (ids).

    `shown` names the columns that a copy tells, and `computed` further values in SQL; where both are empty,
    `left_out` says why. `key_of` is the column with the owner of the key that opens sealed columns, None meaning the
    house; `row` is how a seal names its row. `blanked` are the columns emptied at the end where rows stay: with the
    submission, or, for records of staff, with the person. `files`
    are SQL for the beginnings of the keys of its objects in the store, which go with the row.
    """

    table: str
    title: Words
    whose: str
    ends: str
    shown: Mapping[str, Words] = field(default_factory=dict)
    computed: Mapping[str, tuple[str, Words]] = field(default_factory=dict)
    left_out: Words | None = None
    key_of: str | None = None
    row: str = "{id}"
    of_submissions: str | None = None
    blanked: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def of(self) -> Table:
        return metadata.tables[self.table]

    @property
    def is_told(self) -> bool:
        return bool(self.shown or self.computed)


_MINE = "resident_id = :person"
_MY_SUBMISSIONS = "submission_id IN (SELECT id FROM submissions WHERE applicant_id = :person)"
_THESE = "submission_id = ANY(:submissions)"
_MY_NOTIFICATIONS = "notification_id IN (SELECT id FROM notifications WHERE resident_id = :person)"
_THEIR_NOTIFICATIONS = "notification_id IN (SELECT id FROM notifications WHERE submission_id = ANY(:submissions))"

_ID = _words("编号", "Id")
_SUBMISSION = _words("办件", "Submission")
_AT = _words("时间", "At")
_STATE = _words("状态", "State")
_CREATED = _words("建立时间", "Created")

HOLDINGS: Final[tuple[Holding, ...]] = (
    Holding(
        "residents",
        _words("本人信息", "Myself"),
        "id = :person",
        WITH_PERSON,
        shown={
            "name": _words("姓名", "Name"),
            "document_type": _words("证件类型（GA/T 2000.156）", "Document type (GA/T 2000.156)"),
            "document_number": _words("证件号码", "Document number"),
            "phone": _words("手机号码", "Phone"),
            "created_at": _CREATED,
            "closed_at": _words("注销时间", "Account closed"),
            "proved_level": _words("最高实名等级", "Highest identity level"),
            "elder_mode": _words("长辈模式", "Elder mode"),
        },
        key_of="id",
    ),
    Holding(
        "identities",
        _words("登录身份", "Identities"),
        _MINE,
        AT_ONCE,
        shown={
            "provider": _words("认证服务", "e-ID provider"),
            "level": _words("实名等级", "Identity level"),
            "method": _words("方式", "Method"),
            "added_at": _words("添加时间", "Added"),
            "last_login_at": _words("最近登录", "Last login"),
        },
    ),
    Holding(
        "logins",
        _words("进行中的登录", "Logins under way"),
        # Whose it is shows at its end only, and until then nobody's.
        "false",
        AT_ONCE,
        left_out=_words(
            "十分钟内有效，过期即删除，登录完成前不知属于谁",
            "good for ten minutes, deleted after that; whose it is nobody knows before its end",
        ),
    ),
    Holding(
        "sessions",
        _words("登录和设备", "Logins and devices"),
        _MINE,
        AT_ONCE,
        shown={
            "device": _words("设备", "Device"),
            "network": _words("网络地址（去掉末段）", "Network"),
            "provider": _words("认证服务", "e-ID provider"),
            "method": _words("方式", "Method"),
            "level": _words("实名等级", "Identity level"),
            "authenticated_at": _words("认证时间", "Authenticated"),
            "created_at": _words("登录时间", "Logged in"),
            "expires_at": _words("有效期至", "Good until"),
            "refreshed_at": _words("最近使用", "Last used"),
            "revoked_at": _words("退出时间", "Logged out"),
        },
        key_of="resident_id",
    ),
    Holding(
        "sign_ins",
        _words("登录记录", "Sign-ins"),
        _MINE,
        AT_ONCE,
        shown={
            "at": _AT,
            "outcome": _words("结果", "Outcome"),
            "provider": _words("认证服务", "e-ID provider"),
            "method": _words("方式", "Method"),
            "level": _words("实名等级", "Identity level"),
            "device": _words("设备", "Device"),
            "network": _words("网络地址（去掉末段）", "Network"),
        },
        key_of="resident_id",
    ),
    Holding(
        "representations",
        _words("担任法定代表人的单位", "Organisations I represent"),
        _MINE,
        AT_ONCE,
        shown={
            "organisation_id": _words("单位", "Organisation"),
            "proved_at": _words("认证时间", "Proved"),
            "ended_at": _words("终止时间", "Ended"),
        },
    ),
    Holding(
        "authorisations",
        _words("单位授权", "Authorisations by organisations"),
        # A handler who never acted is known by their number alone.
        "(handler_id = :person OR named_by = :person"
        " OR handler_index = (SELECT document_number_index FROM residents WHERE id = :person))",
        WITH_PERSON,
        shown={
            "organisation_id": _words("单位", "Organisation"),
            "handler": _words("经办人", "Handler"),
            "services": _words("事项", "Services"),
            "starts_on": _words("起始日期", "From"),
            "ends_on": _words("截止日期", "Until"),
            "revoked_at": _words("撤销时间", "Revoked"),
        },
        key_of="organisation_id",
    ),
    Holding(
        "account_notices",
        _words("账户通知", "Notices about the account"),
        _MINE,
        AT_ONCE,
        shown={"kind": _words("种类", "Kind"), "created_at": _AT, "facts": _words("内容", "Content")},
        key_of="resident_id",
    ),
    Holding(
        "wechat_bindings",
        _words("微信", "WeChat"),
        _MINE,
        AT_ONCE,
        shown={
            "openid": _words("微信用户标识（openid）", "WeChat user (openid)"),
            "progress_credits": _words("剩余订阅次数", "Messages still allowed"),
        },
        key_of="resident_id",
        row="{resident_id}",
    ),
    Holding(
        "submissions",
        _words("办件", "Submissions"),
        "applicant_id = :person",
        WITH_SUBMISSION,
        shown={
            "id": _ID,
            "reference": _words("办件编号", "Reference"),
            "service_code": _words("事项", "Service"),
            "service_version": _words("事项版本", "Service version"),
            "department_code": _words("部门", "Department"),
            "state": _STATE,
            "created_at": _CREATED,
            "received_at": _words("收件时间", "Received"),
            "turn": _words("受理顺序", "Turn"),
            "acceptance_due": _words("受理期限", "Acceptance due"),
            "decision_due": _words("办结期限", "Decision due"),
            "answers": _words("填报内容", "Answers"),
            "amended": _words("正在补正的内容", "Correction in work"),
            "content_sha256": _words("内容摘要（SHA-256）", "Hash of the content (SHA-256)"),
            "restricted_at": _words("限制使用时间", "Restricted"),
        },
        key_of="id",
        of_submissions="id = ANY(:submissions)",
        blanked=("applicant_id", "answers", "amended", "content_sha256", "reference"),
    ),
    Holding(
        "earlier_filings",
        _words("补正前的填报内容", "What was filed before corrections"),
        _MY_SUBMISSIONS,
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "round": _words("第几次提交", "Filing"),
            "answers": _words("填报内容", "Answers"),
            "content_sha256": _words("内容摘要（SHA-256）", "Hash of the content (SHA-256)"),
            "replaced_at": _words("被补正时间", "Replaced"),
        },
        key_of="submission_id",
        row="{submission_id}/{round}",
        of_submissions=_THESE,
    ),
    Holding(
        "history",
        _words("办理进度", "Progress"),
        _MY_SUBMISSIONS,
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "number": _words("序号", "Number"),
            "at": _AT,
            "step": _words("环节", "Step"),
            "state": _STATE,
            "actor_kind": _words("办理方", "By"),
            "actor_name": _words("办理人员", "Official"),
            "department_code": _words("部门", "Department"),
            "opinion": _words("意见", "Opinion"),
            "items": _words("补正清单", "What to correct or bring"),
        },
        key_of="submission_id",
        row="{submission_id}/{number}",
        of_submissions=_THESE,
        # The steps stay, with nobody in them: the supervisor's statistics count them.
        blanked=("opinion", "items", "actor_name", "actor_id", "principal_id"),
    ),
    Holding(
        "issued_notices",
        _words("通知书", "Notices"),
        _MY_SUBMISSIONS,
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "number": _words("文号", "Number"),
            "day": _words("日期", "Date"),
            "content": _words("内容", "Content"),
            "content_sha256": _words("内容摘要（SHA-256）", "Hash of the content (SHA-256)"),
        },
        key_of="submission_id",
        of_submissions=_THESE,
        # The number stays, so that the department's series has no gap.
        blanked=("content",),
    ),
    Holding(
        "assignments",
        _words("谁接手办理", "Who took it up"),
        _MY_SUBMISSIONS,
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "taken_at": _AT,
            "in_turn": _words("是否按顺序", "In its turn"),
            "reason_kind": _words("提前办理的事由", "Why before its turn"),
            "released_at": _words("交回或转出时间", "Given back or handed over"),
        },
        key_of="submission_id",
        of_submissions=_THESE,
        # That somebody was taken out of turn stays countable; what was said about whom does not.
        blanked=("reason", "release_reason"),
    ),
    Holding(
        "uploads",
        _words("上传的文件", "Uploads"),
        "owner_id = :person",
        WITH_SUBMISSION,
        shown={
            "id": _ID,
            "submission_id": _SUBMISSION,
            "material": _words("材料", "Material"),
            "filename": _words("文件名", "File name"),
            "content_type": _words("类型", "Type"),
            "size": _words("字节数", "Bytes"),
            "sha256": _words("摘要（SHA-256）", "SHA-256"),
            "state": _STATE,
            "created_at": _CREATED,
            "removed_at": _words("移除时间", "Taken out"),
        },
        key_of="submission_id",
        of_submissions=_THESE,
        files=("'incoming/' || id", "'clean/' || id || '/'"),
    ),
    Holding(
        "signatures",
        _words("电子签名", "Signatures"),
        "signer_id = :person",
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "method": _words("方式", "Method"),
            "content_sha256": _words("签名内容摘要", "Hash of what was signed"),
            "image_sha256": _words("签名图片摘要", "Hash of the image"),
            "identity_level": _words("实名等级", "Identity level"),
            "signed_at": _words("签名时间", "Signed"),
            "device": _words("设备", "Device"),
        },
        of_submissions=_THESE,
    ),
    Holding(
        "results",
        _words("办理结果", "Results"),
        _MY_SUBMISSIONS,
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "kind": _words("种类", "Kind"),
            "filename": _words("文件名", "File name"),
            "size": _words("字节数", "Bytes"),
            "sha256": _words("摘要（SHA-256）", "SHA-256"),
            "data": _words("内容", "Answer"),
            "created_at": _CREATED,
        },
        key_of="submission_id",
        row="{submission_id}",
        of_submissions=_THESE,
        files=("'results/' || submission_id || '/'",),
    ),
    Holding(
        "handovers",
        _words("移交给部门的记录", "Given to offices"),
        _MY_SUBMISSIONS,
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "state": _STATE,
            "sent_at": _words("移交时间", "Given"),
            "office_reference": _words("部门编号", "Number at the office"),
        },
        of_submissions=_THESE,
    ),
    Holding(
        "office_updates",
        _words("告知部门的变化", "What offices were told since"),
        _MY_SUBMISSIONS,
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "number": _words("进度序号", "Number of the step"),
            "sent_at": _words("告知时间", "Told"),
        },
        of_submissions=_THESE,
    ),
    Holding(
        "office_messages",
        _words("部门回传的消息", "Messages of offices"),
        _MY_SUBMISSIONS,
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "office": _words("部门", "Office"),
            "step": _words("环节", "Step"),
            "at": _AT,
            "outcome": _words("处理", "Outcome"),
            "data": _words("内容", "Content"),
        },
        key_of="submission_id",
        row="{office}/{message_id}",
        of_submissions=_THESE,
    ),
    Holding(
        "notifications",
        _words("通知", "Notifications"),
        _MINE,
        AT_ONCE,
        shown={
            "submission_id": _SUBMISSION,
            "number": _words("进度序号", "Number of the step"),
            "created_at": _AT,
        },
        of_submissions=_THESE,
    ),
    Holding(
        "attempts",
        _words("通知的发送记录", "How notifications were sent"),
        _MY_NOTIFICATIONS,
        AT_ONCE,
        shown={
            "channel": _words("渠道", "Channel"),
            "state": _STATE,
            "at": _AT,
        },
        of_submissions=_THEIR_NOTIFICATIONS,
    ),
    Holding(
        "looks",
        _words("工作人员的查询", "Looks by staff"),
        "id IN (SELECT look_id FROM looks_shown WHERE resident_id = :person)",
        AUDIT,
        # Why staff looked is in their own words, which may name somebody else: it is not in the copy.
        shown={
            "at": _AT,
            "role": _words("岗位", "Role"),
            "department_code": _words("部门", "Department"),
            "kind": _words("方式", "How"),
            "reason_kind": _words("事由", "Kind of reason"),
            "plain_fields": _words("看到的完整内容", "Fields seen in plain"),
        },
        blanked=("term_index",),
    ),
    Holding(
        "looks_shown",
        _words("查询所示的办件", "What looks showed"),
        _MINE,
        AUDIT,
        shown={"look_id": _words("查询", "Look"), "submission_id": _SUBMISSION},
        blanked=("resident_id",),
    ),
    Holding(
        "unmaskings",
        _words("解除遮盖的记录", "Unmaskings"),
        _MY_SUBMISSIONS,
        AUDIT,
        shown={
            "submission_id": _SUBMISSION,
            "at": _AT,
            "until": _words("有效期至", "Good until"),
            "fields": _words("项目", "Fields"),
        },
    ),
    Holding(
        "alarms",
        _words("督办提醒", "Alarms about delays"),
        _MY_SUBMISSIONS,
        WITH_SUBMISSION,
        shown={
            "submission_id": _SUBMISSION,
            "clock": _words("期限", "Which limit"),
            "due_date": _words("截止日", "Due"),
            "level": _words("等级", "Level"),
            "raised_at": _AT,
            "closed_at": _words("解除时间", "Closed"),
            "words": _words("说明", "What was done about it"),
        },
        key_of="submission_id",
        of_submissions=_THESE,
        # That it was late stays, for the supervisor's statistics.
        blanked=("words",),
    ),
    Holding(
        "acknowledgements",
        _words("阅读过的告知书", "Notices I was shown"),
        _MINE,
        WITH_PERSON,
        shown={
            "notice_code": _words("告知书", "Notice"),
            "notice_version": _words("版本", "Version"),
            "submission_id": _SUBMISSION,
            "at": _AT,
            "device": _words("设备", "Device"),
            "method": _words("方式", "Method"),
        },
    ),
    Holding(
        "consents",
        _words("同意", "Consents"),
        _MINE,
        WITH_PERSON,
        shown={
            "notice_code": _words("告知书", "Notice"),
            "notice_version": _words("版本", "Version"),
            "purpose": _words("用途", "Purpose"),
            "kind": _words("种类", "Kind"),
            "given_at": _AT,
            "device": _words("设备", "Device"),
            "method": _words("方式", "Method"),
            "guardianship": _words("监护关系", "Guardianship"),
        },
        key_of="resident_id",
    ),
    Holding(
        "consent_withdrawals",
        _words("撤回的同意", "Consents withdrawn"),
        "consent_id IN (SELECT id FROM consents WHERE resident_id = :person)",
        WITH_PERSON,
        shown={
            "consent_id": _words("同意", "Consent"),
            "withdrawn_at": _AT,
            "device": _words("设备", "Device"),
            "method": _words("方式", "Method"),
        },
    ),
    Holding(
        "corrections",
        _words("更正申请", "Corrections"),
        _MINE,
        WITH_PERSON,
        shown={
            "id": _ID,
            "field": _words("更正项目", "What is wrong"),
            "state": _STATE,
            "claim": _words("申请内容", "What I asked for"),
            "old_value": _words("原值", "The old value"),
            "answer": _words("答复", "Answer"),
            "created_at": _CREATED,
            "decided_at": _words("答复时间", "Decided"),
        },
        key_of="resident_id",
    ),
    Holding(
        "copies",
        _words("查阅、复制记录", "Copies of my data"),
        _MINE,
        AT_ONCE,
        shown={
            "id": _ID,
            "state": _STATE,
            "created_at": _CREATED,
            "expires_at": _words("有效期至", "Kept until"),
        },
        key_of="resident_id",
        files=("'copies/' || id || '/'",),
    ),
    Holding(
        "one_time_codes",
        _words("一次性验证码", "One-time codes"),
        "phone_index IN (SELECT phone_index FROM residents WHERE id = :person)",
        AT_ONCE,
        left_out=_words(
            "五分钟内有效，随后删除，只用于登录", "good for five minutes, deleted soon after, for logging in only"
        ),
    ),
    Holding(
        "idempotency_records",
        _words("防重复提交的记录", "Records against sending twice"),
        "scope = 'resident:' || CAST(:person AS text)",
        AT_ONCE,
        left_out=_words(
            "只保存24小时，内容是上面各项的重复", "kept for 24 hours, and holds nothing that is not above already"
        ),
        row="{scope} {key}",
    ),
    Holding(
        "erasures",
        _words("注销记录", "Erasures"),
        _MINE,
        WITH_PERSON,
        shown={"state": _STATE, "confirmed_at": _AT},
    ),
)


def told() -> list[Holding]:
    """The holdings that a copy tells, in the order of the table."""
    return [holding for holding in HOLDINGS if holding.is_told]


def children_first() -> list[Holding]:
    """All holdings in an order in which rows can be deleted: whoever refers to a table comes before it."""
    places = {table.name: place for place, table in enumerate(metadata.sorted_tables)}
    return sorted(HOLDINGS, key=lambda holding: -places[holding.table])
