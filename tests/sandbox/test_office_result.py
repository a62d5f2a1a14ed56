"""The result document."""

import pytest

from sandbox.office_result import make_result, mask_name, service_name
from tests.sandbox.office_mail import submission


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        *(("李建国", "李**"), ("张伟", "张*"), ("欧阳雪", "欧阳*"), ("欧阳", "欧*"), ("王", "*"), ("", "")),
        ("阿依古丽·买买提", "阿*******"),
    ],
)
def test_mask(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_service_name() -> None:
    assert service_name({"name": "居住证"}) == service_name({"name": {"zh": "居住证", "en": "x"}}) == "居住证"


def test_hostile_text_stays_text() -> None:
    """Typst markup, code and raw strings in somebody's data must neither run nor break the document."""
    nasty = '#panic("x") #read("/etc/passwd") $ * _ `raw` <label> @ref \\ " ]'
    data = submission(reference=nasty, applicant={"name": nasty}, service={"name": nasty})["data"]
    assert make_result("gongan", nasty, data).startswith(b"%PDF-")


def test_is_pdf_a() -> None:
    assert b"pdfaid:part" in make_result("minzheng", "MZ-1", submission()["data"])
