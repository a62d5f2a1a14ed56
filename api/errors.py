"""Errors: the one place that knows how a refusal is told to a client (RFC 9457, application/problem+json).

Every problem has a stable `code`, a `type` made of it, words in the caller's language, and an `instance` that
is also in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from api import answers
from api.problem_details import DETAILS
from app import database, idempotency, refusals
from app.catalogue import availability, calendars, publishing, services
from app.crypto.failures import KeyFileMissing, KeyFileUnsafe, KeysAway, SealError
from app.documents import results, signatures, uploads
from app.people import (
    accounts,
    code_limits,
    handlers,
    identities,
    identity,
    mergers,
    organisations,
    staff_changes,
)
from app.privacy import activities, consents, copies, corrections, erasures, guardians, notices, requirements
from app.refusals import Refusal
from app.storage import StorageAway
from app.submissions import (
    acceptances,
    commitments,
    correction_lists,
    drafts,
    extensions,
    issued_notices,
    promises,
    step_rules,
    submissions,
)
from app.supervision import (
    alarms,
    assignments,
    digests,
    handling,
    ledger,
    look_limits,
    look_records,
    looks,
    out_of_turn,
    published_heads,
    unmaskings,
)
from approvals import decisions
from auth import (
    devices,
    logins,
    office_tokens,
    offices,
    rotations,
    sessions,
    staff_accounts,
    throttles,
    tokens,
    wechat_push,
)
from auth import refusals as entrance_refusals
from auth.providers import interface as providers
from auth.providers import phone
from auth.providers import wechat as wechat_login
from notifications import wechat_events
from notifications.channels import wechat

log = structlog.get_logger()

CONTENT_TYPE = "application/problem+json"


class IdempotencyKeyMissing(Refusal):
    """This request creates or acts, so it needs an Idempotency-Key: then it can be sent again without fear."""


class PreconditionRequired(Refusal):
    """An edit must say, by If-Match, which state it was made on."""


class BadHeader(Refusal):
    """A header does not have the shape that the specification gives."""


class CursorInvalid(Refusal):
    """The cursor was not given out by this list."""


@dataclass(frozen=True)
class Problem:
    """How one code is told: its status, and its title in each language."""

    status: int
    zh: str
    en: str

    def title(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


PROBLEMS: dict[type[Refusal], Problem] = {
    refusals.NotFound: Problem(404, "没有找到", "Not found"),
    refusals.InvalidContent: Problem(422, "内容不符合要求", "The content breaks a rule"),
    services.ServiceNotFound: Problem(404, "没有这个事项", "No such service"),
    services.ServiceNotYetOpen: Problem(404, "事项尚未开通", "Not open yet"),
    services.ServiceEnded: Problem(410, "事项已停止办理", "This service has ended"),
    services.ServiceWithdrawn: Problem(410, "事项已下架", "This service was withdrawn"),
    services.ServiceNotOnline: Problem(409, "这个事项不能在手机上申请", "Not to be applied for by phone"),
    availability.ServiceInMaintenance: Problem(503, "事项维护中，请稍后再来", "Closed for maintenance"),
    availability.ClientOutdated: Problem(403, "请先更新应用", "Please update the app first"),
    publishing.VersionNotFound: Problem(404, "没有这个版本", "No such version"),
    publishing.VersionTaken: Problem(409, "这个版本已经定稿", "This version is settled"),
    publishing.OwnDraft: Problem(403, "不能审核自己的草稿", "Nobody reviews a draft of their own"),
    publishing.NotInThisState: Problem(409, "当前状态不能这样操作", "Not possible in this state"),
    publishing.DefinitionInvalid: Problem(422, "事项定义有误", "The definition breaks rules"),
    publishing.NotAnAdministrator: Problem(403, "只有管理员可以操作", "For administrators only"),
    calendars.CalendarNotFound: Problem(404, "没有这一年的日历", "No such calendar"),
    calendars.CalendarUnchanged: Problem(409, "与现行版本相同", "Nothing new in it"),
    alarms.AlarmNotFound: Problem(404, "没有这个提醒", "No such alarm"),
    alarms.AlarmsNotReadable: Problem(403, "您的岗位不能查看提醒", "Your role does not read alarms"),
    alarms.AlarmAbove: Problem(403, "已上报，须由上级确认", "It has climbed above your role"),
    alarms.AlarmAcknowledged: Problem(409, "提醒已经确认", "Acknowledged already"),
    digests.DigestNotFound: Problem(404, "还没有日报", "No digest yet"),
    drafts.SubmissionNotFound: Problem(404, "没有这个办件", "No such submission"),
    drafts.AlreadySubmitted: Problem(409, "已经提交过，无需再次提交", "Already submitted; nothing was done twice"),
    drafts.Stale: Problem(412, "内容已在别处修改，请重新读取", "Changed elsewhere meanwhile; read it again"),
    drafts.DraftLimitReached: Problem(409, "草稿太多，请先办理或删除", "Too many drafts are open"),
    submissions.SubmissionIncomplete: Problem(422, "还有内容需要补充或更正", "Something is missing or wrong"),
    submissions.UploadsUnchecked: Problem(409, "文件正在检查，请稍后再试", "A file is still being checked"),
    submissions.SignatureRequired: Problem(422, "请先签名", "Please sign first"),
    submissions.SignatureOutdated: Problem(422, "签名后内容有改动，请重新签名", "Changed after signing; sign again"),
    submissions.StepNotAllowed: Problem(409, "当前状态不能这样办理", "Not possible in this state"),
    submissions.StepForbidden: Problem(403, "您的岗位不能办理这一步", "Your role does not take this step"),
    submissions.StepIncomplete: Problem(422, "这一步还缺少内容", "This step needs more"),
    promises.NothingPromised: Problem(409, "没有可以承诺后补的材料", "Nothing was offered to be brought later"),
    acceptances.AcceptedByLaw: Problem(409, "已逾期，依法视为受理", "Too late: by law it counts as accepted"),
    step_rules.StepInThePast: Problem(409, "早于上一步，不能补记", "Before the last step"),
    correction_lists.OutsideTheGuide: Problem(422, "办事指南以外的内容不得要求", "Not in the guide of the service"),
    correction_lists.ListComplete: Problem(409, "补正内容应当一次告知", "Corrections are asked for once, all together"),
    correction_lists.DayUnfit: Problem(422, "期限不合要求", "The day does not do"),
    correction_lists.ReasonRequired: Problem(422, "请说明理由", "Please say why"),
    extensions.ExtensionNotAllowed: Problem(409, "不能延期", "No extension"),
    extensions.ExtensionTooLong: Problem(422, "超过法定延期", "Longer than the law allows"),
    extensions.ApprovalRequired: Problem(422, "须经本级人民政府负责人批准", "The government must approve"),
    extensions.OwnExtension: Problem(403, "不能批准自己的延期申请", "Nobody approves what they asked for"),
    commitments.CommitmentNotAllowed: Problem(409, "本事项不适用告知承诺", "Not decided on a commitment"),
    commitments.CommitmentMissing: Problem(409, "申请人没有作出承诺", "The applicant made no commitment"),
    commitments.NotDecidedOnCommitment: Problem(409, "不是凭承诺作出的决定", "Not decided on a commitment"),
    issued_notices.IssuedNoticeNotFound: Problem(404, "没有这份通知书", "No such notice"),
    handling.NotAHandler: Problem(403, "您的岗位不办理办件", "Your role handles no submissions"),
    handling.NotAssigned: Problem(403, "办件没有分派给您", "Not assigned to you"),
    handling.StepNotOfRole: Problem(403, "您的岗位不能办理这一步", "Your role does not take this step"),
    identity.StepUpRequired: Problem(403, "需要更高等级或重新认证", "A fresh or stronger login is needed"),
    notices.NoticeNotFound: Problem(404, "没有这份告知书", "No such notice"),
    consents.ConsentNotFound: Problem(404, "没有这项同意", "No such consent"),
    guardians.GuardianConsentRequired: Problem(403, "需要监护人同意", "A guardian must consent"),
    requirements.ConsentRequired: Problem(422, "请先单独同意", "Consent is needed first"),
    requirements.NoticeUnseen: Problem(422, "请先阅读告知书", "The notice must be read first"),
    uploads.UploadNotFound: Problem(404, "没有这个文件", "No such upload"),
    uploads.UploadMissing: Problem(409, "文件没有传到，请重新上传", "The bytes did not arrive; send them again"),
    uploads.UploadLimitReached: Problem(409, "上传次数太多", "Too many uploads for this material"),
    signatures.SignatureImageUnusable: Problem(422, "签名图片不可用", "The signature image cannot be used"),
    signatures.SignatureNotNeeded: Problem(409, "本事项无需签名", "This service takes no signature"),
    results.ResultNotReady: Problem(404, "还没有办理结果", "There is no result yet"),
    idempotency.RequestInProgress: Problem(409, "同一请求正在处理", "The same request is being worked on"),
    idempotency.IdempotencyKeyReused: Problem(422, "幂等键已用于别的请求", "The key was used for another request"),
    IdempotencyKeyMissing: Problem(400, "缺少幂等键", "Idempotency-Key is missing"),
    PreconditionRequired: Problem(428, "缺少 If-Match", "If-Match is missing"),
    BadHeader: Problem(400, "请求头格式不对", "A header is malformed"),
    CursorInvalid: Problem(400, "游标无效", "The cursor is not valid"),
    tokens.TokenMissing: Problem(401, "请先登录", "Please log in"),
    tokens.TokenInvalid: Problem(401, "登录已失效，请重新登录", "The login is no longer valid"),
    rotations.RefreshTokenInvalid: Problem(401, "登录已失效，请重新登录", "The login is no longer valid"),
    sessions.SessionNotFound: Problem(404, "没有这个登录设备", "No such session"),
    devices.DeviceInvalid: Problem(400, "设备编号格式不对", "The device id is malformed"),
    identities.IdentityNotFound: Problem(404, "没有这个登录方式", "No such identity"),
    identities.LastIdentity: Problem(409, "这是最后一种登录方式", "It is the last way to log in"),
    accounts.IdentityTaken: Problem(409, "这个登录方式属于另一个账户", "This login belongs to another account"),
    accounts.IdentityOfSomebodyElse: Problem(409, "这个登录方式不是您本人的", "This login is another person's"),
    mergers.MergeNotPossible: Problem(409, "两个账户现在不能合并", "The two accounts cannot become one now"),
    identity.ActsForOrganisation: Problem(409, "您正在代表单位办事", "You are acting for an organisation"),
    organisations.OrganisationNotFound: Problem(404, "没有这个单位", "No such organisation"),
    handlers.AuthorisationNotFound: Problem(404, "没有这项授权", "No such authorisation"),
    organisations.NotLegalRepresentative: Problem(403, "只有法定代表人可以授权", "For the legal representative only"),
    handlers.HandlerLimitReached: Problem(409, "授权的经办人太多", "Too many handlers are authorised"),
    providers.LoginRefused: Problem(403, "认证没有通过，请重新登录", "The login was not confirmed; start again"),
    accounts.PersonUnproved: Problem(403, "这次登录没有证明您是谁", "This login does not prove who you are"),
    logins.LoginTooWeak: Problem(403, "认证等级不够或认证已久", "Proved too weakly, or too long ago"),
    accounts.PersonUnproved: Problem(403, "没有证明是谁", "The login proved no person"),
    providers.ProviderAway: Problem(503, "认证服务暂不可用，请稍后再试", "The e-ID provider is away; try again"),
    staff_changes.StaffNotManageable: Problem(403, "只有管理员可以管理工作人员账号", "Administrators manage accounts"),
    staff_changes.OwnAccount: Problem(403, "不能管理自己的账号", "Nobody manages their own account"),
    staff_accounts.StaffNumberTaken: Problem(409, "工号已在使用", "The staff number is in use"),
    staff_accounts.StaffNotFound: Problem(404, "没有这个工号", "Nobody has this staff number"),
    offices.OfficeSignatureInvalid: Problem(401, "签名无效", "The signature does not hold"),
    office_tokens.OfficeUnproved: Problem(401, "客户端认证失败", "The client did not prove who it is"),
    office_tokens.GrantUnsupported: Problem(400, "不支持这种授权方式", "This grant type is not supported"),
    providers.ProviderBusy: Problem(429, "认证服务正忙，请稍后再试", "The e-ID provider is busy; wait a little"),
    wechat_login.WechatBlocked: Problem(403, "微信拦截了这次登录", "WeChat blocked this login"),
    phone.CodeRefused: Problem(403, "验证码不对或已失效", "The code is wrong or no longer valid"),
    code_limits.CodesLimited: Problem(429, "验证码获取或输入太频繁", "Too many codes were asked for or tried"),
    wechat_push.WechatSignatureInvalid: Problem(401, "签名无效", "The signature does not hold"),
    wechat_events.PushReplayed: Problem(409, "签名已用于别的内容", "The signature was used for another content"),
    decisions.OfficeCaseNotFound: Problem(404, "没有这个办件", "No such submission"),
    copies.CopyNotFound: Problem(404, "没有这份副本，或已过期", "No such copy, or it has expired"),
    copies.CopyNotReady: Problem(409, "副本正在制作", "The copy is still being made"),
    copies.CopyLimitReached: Problem(409, "今天制作的副本太多", "Enough copies were made today"),
    corrections.CorrectedByLogin: Problem(409, "此项由身份认证提供，请重新登录更新", "A fresh login corrects this"),
    corrections.CorrectionNotFound: Problem(404, "没有这个更正申请", "No such correction"),
    corrections.CorrectionLimitReached: Problem(409, "待答复的更正申请太多", "Too many corrections are open"),
    corrections.CorrectionDecided: Problem(409, "更正申请已经答复", "The correction was answered already"),
    corrections.CorrectionNotAllowed: Problem(403, "您的岗位不能办理更正", "Your role does not decide corrections"),
    erasures.SubmissionsUnfinished: Problem(409, "还有办件没有办结，暂不能注销", "Submissions have not ended yet"),
    erasures.ErasureNotFound: Problem(404, "没有这个注销记录", "No such erasure"),
    looks.LookNotAllowed: Problem(403, "您的岗位不能查询办件", "Your role does not open submissions"),
    looks.LookNotFound: Problem(404, "没有打开过的办件", "No such submission among those opened lately"),
    look_limits.LookLimitReached: Problem(429, "一小时内查询太多", "Too many look-ups within an hour"),
    published_heads.TreeHeadNotFound: Problem(404, "这一天没有公布的树头", "No tree head of this day"),
    look_records.LooksNotReadable: Problem(403, "您的岗位不能查看查询记录", "Your role does not read records of looks"),
    unmaskings.UnmaskingNotAllowed: Problem(403, "您的岗位不能查看完整信息", "Your role sees masked data only"),
    assignments.QueueNotFound: Problem(404, "没有这个队列", "No such queue"),
    assignments.QueueEmpty: Problem(404, "没有等候的办件", "Nobody waits in this queue"),
    assignments.TooManyUnhandled: Problem(409, "请先办理手中的办件", "Handle what you have first"),
    assignments.AlreadyTaken: Problem(409, "已经有人在办理", "Somebody has it in hand"),
    assignments.NotTaken: Problem(409, "还没有人接手", "Nobody has it in hand"),
    assignments.NotYours: Problem(403, "不是您手中的办件", "It is not in your hands"),
    assignments.HandlerNotFound: Problem(404, "本部门没有这位窗口人员", "No such clerk in this department"),
    out_of_turn.TakesNotReadable: Problem(403, "您的岗位不能查看顺序监督", "Your role does not supervise the order"),
    ledger.LedgerNotFound: Problem(404, "没有这个队列", "No such queue"),
    activities.RegisterNotAllowed: Problem(403, "您的岗位不能查阅登记表", "Your role does not read the register"),
    throttles.Throttled: Problem(429, "操作太频繁，请稍后再试", "Tried too often; wait a while"),
    wechat.WechatCodeRefused: Problem(422, "微信登录码无效，请重试", "WeChat does not know this code; try again"),
    wechat.WechatAway: Problem(503, "微信暂不可用，请稍后再试", "WeChat is away; try again"),
}

_HTTP: dict[int, tuple[str, Problem]] = {
    400: ("request_malformed", Problem(400, "请求格式不对", "The request is malformed")),
    404: ("path_unknown", Problem(404, "没有这个地址", "No such address")),
    405: (
        "method_not_allowed",
        Problem(405, "这个地址不支持该方法", "The address does not take this method"),
    ),
    411: ("length_required", Problem(411, "请求必须说明长度", "The request must state its length")),
    413: ("body_too_large", Problem(413, "请求内容太大", "The body is too large")),
    415: (
        "media_type_unsupported",
        Problem(415, "请求内容的类型不支持", "The body's media type is not taken"),
    ),
    422: ("content_invalid", Problem(422, "内容不符合要求", "The content breaks a rule")),
    500: ("internal_error", Problem(500, "系统出错，已记录", "Something broke; it is in the log")),
    503: ("temporarily_unavailable", Problem(503, "系统暂忙，请稍后再试", "Busy just now; try again")),
}

RETRY_AFTER_SECONDS = 2

# Nobody reads more, and a stranger's thousand unknown fields must not become a long answer.
_MOST_POINTERS = 50


def problem_of(refusal: type[Refusal]) -> Problem:
    """The problem of a refusal class, or of the nearest class it specialises."""
    return next(PROBLEMS[kind] for kind in refusal.__mro__ if kind in PROBLEMS)


def answer(status: int, code: str, title: str, errors: dict[str, list[str]], facts: dict[str, Any]) -> Response:
    """The one error body."""
    body: dict[str, Any] = {
        "type": f"urn:onephone:problem:{code}",
        "title": title,
        "status": status,
        "detail": DETAILS[code][g.language],
        "code": code,
        "instance": f"urn:uuid:{g.request_id}",
        **facts,
    }
    if errors:
        body["errors"] = errors
    response = answers.of(body, status, CONTENT_TYPE)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def on_refusal(refusal: Refusal) -> Response:
    problem = problem_of(type(refusal))
    entrance_refusals.count_answer(refusal.code())
    facts = {name: _worded(fact) for name, fact in refusal.facts.items()}
    response = answer(problem.status, refusal.code(), problem.title(g.language), refusal.errors, facts)
    if problem.status == 429:
        _tell_limit(response, refusal)
    return response


def _tell_limit(response: Response, refusal: Refusal) -> None:
    """When to try again (RFC 9110 §10.2.3), and what the limit is (draft-ietf-httpapi-ratelimit-headers)."""
    wait, limit, window = refusal.facts["retry_after"], refusal.facts["limit"], refusal.facts.get("window", 3600)
    response.headers["Retry-After"] = str(wait)
    response.headers["RateLimit-Policy"] = f'"{refusal.code()}";q={limit};w={window}'
    response.headers["RateLimit"] = f'"{refusal.code()}";r=0;t={wait}'


def _worded(fact: Any) -> Any:
    """Words that staff wrote in both languages, in the caller's."""
    return fact[g.language] if isinstance(fact, dict) and fact.keys() == {"zh", "en"} else fact


def on_http(error: HTTPException) -> Response:
    """Whatever Flask, Werkzeug or webargs refuse by themselves."""
    status = error.code if error.code in _HTTP else 400 if (error.code or 500) < 500 else 500
    code, problem = _HTTP[status]
    response = answer(status, code, problem.title(g.language), _pointers(error), {})
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def on_fault(error: Exception) -> Response:
    """Anything nobody foresaw. What is away and comes back is told as such; the rest is a fault of ours."""
    if database.is_away(error) or isinstance(error, StorageAway | KeysAway):
        log.warning("part_away", error=type(error).__name__, request_id=str(g.request_id))
        code, problem = _HTTP[503]
    elif isinstance(error, KeyFileMissing | KeyFileUnsafe):
        # Nobody's data can be opened until an operator has mended it; all of it is there still.
        log.error("keys_unusable", error=type(error).__name__, detail=str(error), request_id=str(g.request_id))
        code, problem = _HTTP[503]
    else:
        if isinstance(error, SealError):
            # Its text is written for operators and holds no plain text; nothing unsealed is ever shown instead.
            row = {"error": type(error).__name__, "detail": str(error), "request_id": str(g.request_id)}
            log.error("sealed_data_unusable", **row)
        log.error("fault", exc_info=error, request_id=str(g.request_id), path=str(request.url_rule))
        code, problem = _HTTP[500]
    return answer(problem.status, code, problem.title(g.language), {}, {})


def _pointers(error: HTTPException) -> dict[str, list[str]]:
    """marshmallow's nested messages as JSON Pointers (RFC 6901) to messages."""
    messages = getattr(error, "data", {}).get("messages", {})
    found: dict[str, list[str]] = {}
    for location in messages.values():
        _collect(location, "", found)
    return found


def _collect(messages: Any, pointer: str, found: dict[str, list[str]]) -> None:
    if len(found) >= _MOST_POINTERS:
        return
    if isinstance(messages, dict):
        for name, inner in messages.items():
            # A name may hold half a character, which no answer can carry.
            whole = str(name).encode(errors="replace").decode()
            escaped = whole.replace("~", "~0").replace("/", "~1")
            _collect(inner, pointer if name == "_schema" else f"{pointer}/{escaped}", found)
    else:
        found.setdefault(pointer, []).extend(_translated(str(message)) for message in messages)


def _translated(message: str) -> str:
    return _WORDS.get(message, message) if g.language == "zh" else message


_WORDS = {
    "Missing data for required field.": "此项必填。",
    "Unknown field.": "没有这一项。",
    "Holds nothing but spaces.": "只有空格，没有内容。",
    "Not a valid string.": "应为文字。",
    "Not a valid integer.": "应为整数。",
    "Not a valid UUID.": "编号格式不对。",
    "Not a valid boolean.": "应为是或否。",
    "Not a valid mapping type.": "应为对象。",
    "Not a valid list.": "应为列表。",
    "Field may not be null.": "此项不能为空。",
    "Invalid input type.": "类型不对。",
}


def register(app: Flask) -> None:
    """Hang the three handlers."""
    app.register_error_handler(Refusal, on_refusal)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(Exception, on_fault)
