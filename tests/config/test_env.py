from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.db import connection

from config.env import env_bool, env_int, env_list, env_secret, env_str
from tests.servers import process_environment

NAME = "SWITCHBOARD_TEST_VALUE"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv(f"{NAME}_FILE", raising=False)


@pytest.mark.parametrize("reader", [env_str, env_bool, env_int, env_list, env_secret])
def test_a_missing_variable_without_default_is_named(reader: object) -> None:
    assert callable(reader)
    with pytest.raises(ImproperlyConfigured, match=NAME):
        reader(NAME)


def test_a_missing_variable_gives_the_default() -> None:
    assert env_str(NAME, "a") == "a"
    assert env_str(NAME, "") == ""
    assert env_bool(NAME, False) is False
    assert env_int(NAME, 0) == 0
    assert env_list(NAME, []) == []
    assert env_secret(NAME, "") == ""


def test_an_empty_variable_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "  ")
    assert env_str(NAME, "a") == "a"
    assert env_bool(NAME, True) is True
    assert env_int(NAME, 7) == 7
    assert env_list(NAME, ["x"]) == ["x"]


@pytest.mark.parametrize("text", ["1", "TRUE", "yes", "On"])
def test_words_for_true(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)
    assert env_bool(NAME, False) is True


@pytest.mark.parametrize("text", ["0", "false", "No", "off"])
def test_words_for_false(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)
    assert env_bool(NAME, True) is False


@pytest.mark.parametrize("text", ["2", "maybe", "truee"])
def test_a_boolean_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} is '{text}'; set it to 1 or 0"):
        env_bool(NAME, True)


@pytest.mark.parametrize(("text", "value"), [("0", 0), (" 42 ", 42), ("-3", -3), ("007", 7)])
def test_whole_numbers(monkeypatch: pytest.MonkeyPatch, text: str, value: int) -> None:
    monkeypatch.setenv(NAME, text)
    assert env_int(NAME, 1) == value


@pytest.mark.parametrize("text", ["1.5", "1_000", "0x10", "ten", "--3", "٣", "3 4"])
def test_a_number_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ImproperlyConfigured, match="set it to a whole number"):
        env_int(NAME, 1)


def test_lists_lose_white_space_and_empty_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, " a, b ,,c,")
    assert env_list(NAME) == ["a", "b", "c"]


def test_a_default_list_is_not_shared() -> None:
    default = ["a"]
    env_list(NAME, default).append("b")
    assert default == ["a"]


def test_a_secret_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(" with spaces \n", encoding="utf-8")
    monkeypatch.setenv(f"{NAME}_FILE", str(path))
    assert env_secret(NAME) == " with spaces "


def test_a_secret_given_twice_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(NAME, "hunter2")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    with pytest.raises(ImproperlyConfigured, match="keep one of them") as refusal:
        env_secret(NAME, "default")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff", "not UTF-8")],
)
def test_a_secret_file_that_holds_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(f"{NAME}_FILE", str(path))
    # Even with a default: a file that was named must not be passed over in silence.
    with pytest.raises(ImproperlyConfigured, match=reason):
        env_secret(NAME, "default")


def test_what_browser_tests_permit_themselves_reaches_no_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    assert "DJANGO_ALLOW_ASYNC_UNSAFE" not in process_environment()


async def test_a_query_on_the_event_loop_is_an_error() -> None:
    with pytest.raises(SynchronousOnlyOperation):
        connection.cursor()
