"""The `detail` of each problem (RFC 9457 §3.1.4): what happened to the caller's things, and what to do now.

Written for the person at the phone where a person can do something, and for the client's programmer elsewhere.
"""

from __future__ import annotations

DETAILS: dict[str, dict[str, str]] = {
    code: {"zh": zh, "en": en}
    for code, zh, en in (
        ("not_found", "请核对地址。", "Please check the address."),
        ("invalid_content", "请按 errors 逐项改正后再试。", "Please mend what `errors` names and send it again."),
        ("service_not_found", "请从事项目录重新选择。", "Please choose from the list of services again."),
        (
            "service_not_yet_open",
            "从 opens_on 那天起可以办理。",
            "It opens on the day `opens_on`.",
        ),
        (
            "service_ended",
            "已经提交的办件照常办理，草稿还在。",
            "What was filed goes on as before, and drafts are kept.",
        ),
        (
            "service_withdrawn",
            "已经提交的办件照常办理，草稿还在。",
            "What was filed goes on as before, and drafts are kept.",
        ),
        (
            "service_not_online",
            "请按办事指南写的方式办理。",
            "Please apply in one of the ways that the guide names.",
        ),
        (
            "service_in_maintenance",
            "草稿已保存，恢复后可继续办理。原因见 note。",
            "Your draft is kept: go on when it is open again. `note` says why.",
        ),
        (
            "client_outdated",
            "草稿已保存，更新应用后继续办理。",
            "Your draft is kept: update the app, then go on.",
        ),
        ("version_not_found", "请从版本列表重新选择。", "Choose from the list of versions again."),
        ("version_taken", "请提高版本号后再导入。", "Raise the version number and import again."),
        ("own_draft", "请另一位管理员审核。", "Ask another administrator to review it."),
        ("not_in_this_state", "版本没有变化，状态见 state。", "Nothing was changed; `state` says how it stands."),
        ("definition_invalid", "请按 errors 逐项改正后再试。", "Mend what `errors` names and send it again."),
        ("not_an_administrator", "如需办理，请联系管理员。", "Ask an administrator if you need to."),
        ("submission_not_found", "请从“我的办件”重新打开。", "Please open it from your own submissions again."),
        (
            "already_submitted",
            "您的申请早已收到，凭办件编号查看进度即可。",
            "It was received before: follow it by the reference in this answer.",
        ),
        (
            "stale",
            "您填写的内容还在本机，请重新读取草稿后再保存。",
            "What you typed is still with you: read the draft again, then save.",
        ),
        ("draft_limit_reached", "请先提交现有草稿中的一件。", "Please file one of the open drafts first."),
        (
            "submission_incomplete",
            "草稿已保存，请按 errors 逐项补充后再提交。",
            "The draft is kept as it is: complete what `errors` names, then submit again.",
        ),
        ("uploads_unchecked", "通常只需几秒，草稿没有变化。", "It takes seconds; the draft is unchanged."),
        ("signature_required", "草稿已保存，签名后再提交。", "The draft is kept as it is: sign, then submit again."),
        (
            "signature_outdated",
            "签名只对当时的内容有效，请核对后重新签名。",
            "A signature holds only for what stood there then: read it through and sign again.",
        ),
        ("step_not_allowed", "办件没有变化，请查看最新进度。", "Nothing was changed: look at the progress."),
        (
            "step_up_required",
            "草稿已保存。请用更高等级重新登录后继续。",
            "Nothing is lost: log in again at the level named here, then go on.",
        ),
        ("notice_not_found", "请从告知书列表重新打开。", "Please open it from the list of notices again."),
        ("consent_not_found", "请从“我的同意”重新打开。", "Please open it from your own consents again."),
        (
            "guardian_consent_required",
            "未满14周岁的，由父母或者其他监护人登录后同意。",
            "Below 14, a parent or other guardian logs in and consents.",
        ),
        (
            "consent_required",
            "草稿没有变化。请逐项阅读并同意 consents 所列各项，非必需的也可以不填相关内容，然后再提交。",
            "The draft is unchanged: agree to each of `consents`, or leave out the `fields` of what is not required.",
        ),
        (
            "notice_unseen",
            "草稿没有变化。请阅读 notices 所列告知书后再提交。",
            "The draft is unchanged: show the person each of `notices`, then submit.",
        ),
        ("register_not_allowed", "如需查阅，请联系审计部门。", "Ask the auditors if you need to."),
        ("upload_not_found", "请从草稿重新上传。", "Please upload it from the draft again."),
        ("upload_missing", "请用同一表单再传一次，或重新申请上传。", "Send the form once more, or ask a new slot."),
        ("upload_limit_reached", "请使用已上传的文件。", "Please use one of the files sent already."),
        (
            "signature_image_unusable",
            "请等签名图片检查完成，或重新上传签名。",
            "Wait until the image was checked, or upload the signature again.",
        ),
        ("signature_not_needed", "直接提交即可。", "Simply submit."),
        ("result_not_ready", "办结后即可查看，请先看进度。", "It is here once completed: look at the progress first."),
        ("request_in_progress", "请稍等片刻，用同一幂等键再试。", "Wait a moment and repeat it with the same key."),
        ("idempotency_key_reused", "新的操作请用新的幂等键。", "A new action needs a new key."),
        (
            "idempotency_key_missing",
            "请在请求头 Idempotency-Key 中放一个新的随机值。",
            "Put a new random value into the header Idempotency-Key.",
        ),
        ("precondition_required", "请在 If-Match 中给出读取时的 ETag。", "Send the ETag you read as If-Match."),
        ("bad_header", "请按接口说明改正 errors 所列的请求头。", "Mend the header that `errors` names."),
        ("cursor_invalid", "请从第一页重新开始。", "Start again from the first page."),
        ("token_missing", "登录后再试，您填写的内容不会丢失。", "Log in and try again; nothing you typed is lost."),
        ("token_invalid", "重新登录后再试，草稿都还在。", "Log in again; your drafts are all here."),
        ("refresh_token_invalid", "请重新登录，草稿都还在。", "Log in again; your drafts are all here."),
        ("login_refused", "请重新开始登录。", "Please start the login again."),
        (
            "login_too_weak",
            "请用更高等级的认证方式，并当场认证后再试。",
            "Prove it in a stronger way, and freshly, then try again.",
        ),
        ("provider_away", "不是您的问题，请过几分钟再登录。", "It is not your fault: try again in a few minutes."),
        ("person_unproved", "请改用电子身份登录。", "Please log in by e-ID."),
        (
            "provider_busy",
            "不是您的问题，请按 Retry-After 稍后再登录。",
            "It is not your fault: wait `retry_after` seconds.",
        ),
        (
            "wechat_blocked",
            "重试没有用。请改用电子身份或手机验证码登录；如有疑问，请联系微信客服，或拨打12345、到就近窗口办理。",
            "Trying again does not help. Log in by e-ID or by a code to your phone instead; ask WeChat's support, call "
            "12345, or come to a counter.",
        ),
        (
            "code_refused",
            "请核对后再输一次，或重新获取验证码。也可以用电子身份或微信登录。",
            "Check it and type it again, or ask for a new one. E-ID and WeChat are open to you too.",
        ),
        (
            "codes_limited",
            "请按 Retry-After 稍后再试。也可以改用电子身份或微信登录，或拨打12345。",
            "Wait `retry_after` seconds, or log in by e-ID or WeChat, or call 12345.",
        ),
        ("office_signature_invalid", "请核对密钥、时间和原文。", "Check the secret, the time and the exact bytes."),
        ("wechat_signature_invalid", "请核对令牌、密钥和时间。", "Check the token, the key and the time."),
        ("push_replayed", "请重新签名后再推送。", "Sign it anew and push it again."),
        ("office_case_not_found", "请核对办件编号。", "Check the reference."),
        ("copy_not_found", "请重新申请一份。", "Please ask for a new one."),
        ("copy_not_ready", "请查看进度，完成后再下载。", "Look at its progress, and fetch it when it is ready."),
        (
            "copy_limit_reached",
            "请下载今天已制作的副本，或明天再申请。",
            "Fetch one of today, or ask again tomorrow.",
        ),
        (
            "corrected_by_login",
            "姓名和证件号码由身份认证提供。请先向身份认证机构更正，再在这里重新登录，即自动更新。",
            "Your e-ID vouches for name and document number: have it corrected there, then log in here again, "
            "and the new value is taken over.",
        ),
        ("correction_not_found", "请从“我的更正申请”重新打开。", "Please open it from your own corrections again."),
        ("correction_limit_reached", "请等待工作人员答复。", "Please wait for an answer to one of them."),
        ("correction_decided", "答复没有变化。", "The answer stands as it was given."),
        ("correction_not_allowed", "请转交帮办员或监督员。", "Please pass it to an adviser or a supervisor."),
        (
            "submissions_unfinished",
            "references 所列办件还在办理，账户没有变化；办结后再注销即可。",
            "The offices still work on those in `references`. Nothing was changed: close it when they have ended.",
        ),
        ("erasure_not_found", "请核对编号。", "Please check the number."),
        ("look_not_allowed", "如需查询，请联系主管部门。", "Ask the department in charge if you need to."),
        (
            "look_not_found",
            "请先凭编号、证件号码、手机号或姓名查询并说明理由。",
            "Look it up first, with a reason; that holds for an hour.",
        ),
        (
            "look_limit_reached",
            "请按 Retry-After 稍后再查；工作确有需要的，请联系监督员。",
            "Wait `retry_after` seconds; if your work needs more, ask your supervisor.",
        ),
        ("looks_not_readable", "查询记录由审计员和监督员查看。", "They are for auditors and supervisors."),
        (
            "unmasking_not_allowed",
            "遮盖后的信息足够答复；如需核对，请转办理部门。",
            "Masked data is enough to answer; the department in charge can check more.",
        ),
        (
            "acts_for_organisation",
            "草稿没有变化。请先切换回本人，再以本人名义办理。",
            "The draft was not changed. Switch back to yourself first, to apply in your own name.",
        ),
        ("organisation_not_found", "请从“我的单位”重新选择。", "Choose from your organisations again."),
        ("handler_not_found", "授权可能已经终止，请刷新列表。", "It may have ended: read the list again."),
        (
            "not_legal_representative",
            "经办人不能转委托。请法定代表人办理。",
            "A handler cannot pass the authority on: the legal representative does it.",
        ),
        ("handler_limit_reached", "请先撤销不再需要的授权。", "Revoke one that is not needed any more."),
        ("identity_not_found", "请刷新登录方式列表。", "Read the list of your identities again."),
        (
            "last_identity",
            "请先添加另一种登录方式；不再使用本账户的，可以注销。",
            "Add another one first; or close the account if you need it no more.",
        ),
        (
            "identity_taken",
            "两个账户都没有变化。请用那个登录方式直接登录。",
            "Neither account was changed. Log in with it instead.",
        ),
        (
            "identity_of_somebody_else",
            "姓名或证件号码与本账户不一致，账户没有变化。",
            "Name or document number are not those of this account; nothing was changed.",
        ),
        (
            "merge_not_possible",
            "其中一个账户正在注销，账户没有变化。",
            "One of them is being closed; nothing was changed.",
        ),
        ("session_not_found", "它可能已经退出，请刷新设备列表。", "It may have ended: read the list of devices again."),
        (
            "device_invalid",
            "OnePhone-Device 应为 22 至 128 个 base64url 字符。",
            "`OnePhone-Device` is 22 to 128 characters of base64url.",
        ),
        ("wechat_code_refused", "请重新打开小程序再试。", "Open the mini-program again and retry."),
        ("wechat_away", "办件不受影响，请稍后再绑定。", "Your submissions are not affected: bind it later."),
        ("request_malformed", "请发送符合接口说明的 JSON。", "Send JSON as the specification says."),
        ("path_unknown", "请核对地址。", "Please check the address."),
        ("method_not_allowed", "可用的方法见 Allow。", "The header Allow names the methods."),
        ("length_required", "请发送 Content-Length，不要分块。", "Send Content-Length; no chunked bodies."),
        ("body_too_large", "文件请直接上传到存储。", "Files go straight to the store."),
        ("media_type_unsupported", "请按接口说明设置 Content-Type。", "Set Content-Type as the specification says."),
        ("content_invalid", "请按 errors 逐项改正后再试。", "Please mend what `errors` names and send it again."),
        (
            "internal_error",
            "没有保存任何半成品。请稍后再试，或把编号告诉客服。",
            "Nothing was left half done. Try again later, or tell the help desk the instance.",
        ),
        (
            "temporarily_unavailable",
            "您的内容没有丢失，请稍等几秒再试。",
            "Nothing is lost: try again in a few seconds.",
        ),
    )
}
