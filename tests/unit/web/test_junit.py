import pytest

from guesthouse.web.junit import JunitUnreadable, summary_of

GOOD = b"""<testsuites><testsuite>
<testcase classname="a" name="one" time="0.5"/>
<testcase name="two" time="much"><failure message="&lt;b&gt;no">trace</failure></testcase>
<testcase name="three"><error>broke</error></testcase>
<testcase name="four"><skipped/></testcase>
</testsuite></testsuites>"""
LAUGHS = b"""<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><testsuite name="&b;"/>"""


def test_failed_cases_come_first() -> None:
    report = summary_of(GOOD)
    assert [case.name for case in report.cases] == ["two", "three", "one", "four"]
    assert [report.number(state) for state in ("succeeded", "failed", "skipped")] == [1, 2, 1]
    assert report.cases[0].message == "<b>no"
    assert report.cases[0].seconds == 0
    assert report.cases[1].message == "broke"


@pytest.mark.parametrize(
    "data",
    [
        LAUGHS,
        LAUGHS.decode().encode("utf-16"),
        LAUGHS.decode().encode("utf-16-be"),
        b"",
        b"{}",
        b"<a",
        b"\xff\xfe<",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
    ],
    ids=[
        "entities",
        "in UTF-16",
        "in UTF-16 without a mark",
        "empty",
        "json",
        "cut off",
        "bytes",
        "encoding",
    ],
)
def test_what_is_no_plain_xml_is_refused(data: bytes) -> None:
    with pytest.raises(JunitUnreadable, match="no plain XML"):
        summary_of(data)


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e999", "-3"])
def test_a_time_that_is_none_is_no_time(text: str) -> None:
    (case,) = summary_of(f'<a><testcase name="one" time="{text}"/></a>'.encode()).cases
    assert case.seconds == 0


def test_a_file_that_is_too_long_is_refused_unread() -> None:
    with pytest.raises(JunitUnreadable, match="4 MiB"):
        summary_of(b" " * (4 * 1024 * 1024 + 1))
