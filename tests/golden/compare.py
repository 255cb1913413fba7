"""Holds rendered text against the file that was reviewed."""

from pathlib import Path

HERE = Path(__file__).parent


def assert_golden(name: str, text: str) -> None:
    """Fail unless the text is the golden file's; delete the file to have it written anew."""
    file = HERE / name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        message = f"{name} was missing and is written; review it and run the test again"
        raise AssertionError(message)
    assert text == file.read_text(encoding="utf-8"), f"unlike {name}"
