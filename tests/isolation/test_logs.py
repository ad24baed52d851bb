"""What faults and refusals write to the log: where and which, no secret and nobody's words."""

import http.client
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from tenants.actions import invitation_mail, invitations
from tenants.celery_task import company_task
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.servers import PROJECT, free_port, process_environment
from tests.waiting import until

SECRET = "Vera Visitor, +49 30 123456"


@company_task()
def fail_with_a_name(company: CompanyRef, object_id: str) -> str:
    if object_id == "fails":
        raise ValueError(f"Key (name)=({SECRET}) already exists.")
    return SECRET


def lines_of(text: str, logger: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["logger"] == logger]


@pytest.mark.django_db
@pytest.mark.parametrize("object_id", ["fails", "returns"])
def test_a_task_s_error_and_result_are_logged_without_their_text(
    cast: Cast, log: io.StringIO, object_id: str
) -> None:
    fail_with_a_name.apply(args=(str(cast.acme.id), object_id))
    lines = lines_of(log.getvalue(), "celery.app.trace")
    assert any("fail_with_a_name" in line["message"] for line in lines)
    assert "Vera" not in log.getvalue()
    if object_id == "fails":
        assert lines[-1]["exception"] == "ValueError"
        assert any("fail_with_a_name" in frame for frame in lines[-1]["frames"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("what", "logger", "message"),
    [
        ("weak password", "django.request", "Unprocessable Entity: accept_invitation"),
        ("method", "django.request", "Method Not Allowed: accept_invitation"),
        ("fault", "django.request", "Internal Server Error: accept_invitation"),
        ("no such page", "django.request", "Not Found: (no route)"),
        ("no csrf token", "django.security.csrf", "Forbidden: accept_invitation"),
    ],
)
def test_a_refused_request_is_logged_by_its_route(
    cast: Cast,
    client_for: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    what: str,
    logger: str,
    message: str,
) -> None:
    invite = {"email": "nils@people.example", "role": "supervisor"}
    client_for(cast.olga, cast.acme).post("/admin/people/invite/", invite)
    invitation_mail.send_due()
    found = re.search(r"/invitations/([\w-]+)/", str(mail.outbox[-1].body))
    assert found
    path, token = found.group(0, 1)

    def fail(**_: object) -> None:
        raise RuntimeError(SECRET)

    guest = client_for(None, cast.acme)
    guest.raise_request_exception = False
    if what == "method":
        guest.delete(path)
    elif what == "no such page":
        guest.get(f"{path}page/")
    elif what == "no csrf token":
        guest.handler.enforce_csrf_checks = True
        guest.post(path, headers={"referer": f"https://evil.example{path}"})
    else:
        if what == "fault":
            monkeypatch.setattr(invitations, "find", fail)
        guest.post(path, {"name": SECRET, "password": "1234"})
    (line,) = lines_of(log.getvalue(), logger)
    assert (line["message"], line.get("exception")) == (
        message,
        "RuntimeError" if what == "fault" else None,
    )
    assert token not in log.getvalue()
    assert "Vera" not in log.getvalue()


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The log of a real daphne whose application failed in an answer, a task and a callback."""
    file: Path = tmp_path_factory.mktemp("failing") / "daphne.log"
    port = free_port()
    arguments = ["--no-server-name", "-v", "0", "-b", "127.0.0.1", "-p", str(port)]
    with file.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "config.serve", *arguments),
                "tests.isolation.failing_application:application",
            ],
            cwd=PROJECT,
            env=process_environment(),
            stdout=output,
            stderr=output,
        )

    def answer() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/Vera")
            return connection.getresponse().status
        except ConnectionRefusedError:
            assert process.poll() is None, file.read_text()
            return 0
        finally:
            connection.close()

    try:
        assert until(answer, seconds=30) == 500
    finally:
        process.terminate()
        process.wait(10)
    return file.read_text()


@pytest.mark.parametrize(
    ("logger", "messages", "frame"),
    [
        (
            "asyncio",
            {"Exception in callback", "Task exception was never retrieved"},
            "fail",
        ),
        ("daphne.server", {"Exception inside application: RuntimeError"}, "application"),
    ],
)
def test_a_server_s_fault_is_logged_without_its_text(
    failed: str, logger: str, messages: set[str], frame: str
) -> None:
    assert "Vera" not in failed
    lines = lines_of(failed, logger)
    assert {line["message"] for line in lines} == messages
    for line in lines:
        assert line["exception"] == "RuntimeError"
        assert any(frame in at for at in line["frames"])


def test_the_proxy_logs_no_path_that_holds_a_secret() -> None:
    configuration = (PROJECT / "docs" / "deploy" / "nginx.conf").read_text()
    (written,) = re.findall(r"^log_format [^;]*;", configuration, re.MULTILINE)
    # The variables that hold an address; $logged_path is made by the map.
    names = set(re.findall(r"\$(\w+)", written))
    assert "logged_path" in names
    assert not names & {"uri", "document_uri", "request_uri", "request", "args", "http_referer"}
    pattern, head = re.findall(r'^    "~(\^\S+)" +"\$\{(\w+)\}-";$', configuration, re.MULTILINE)[0]
    logged = re.compile(pattern.replace("(?<", "(?P<"))
    for urls in ("config.urls_company", "config.urls_public"):
        secrets = {
            "account_confirm_email": {"key": "Secret"},
            "account_reset_password_from_key": {"uidb36": "1", "key": "Secret"},
        }
        if urls == "config.urls_company":
            secrets["accept_invitation"] = {"token": "Secret"}
        for name, arguments in secrets.items():
            path = reverse(name, urls, kwargs=arguments)
            found = logged.match(path)
            assert found, path
            assert "Secret" not in found[head]
            assert path.startswith(found[head])
    assert not logged.match("/accounts/login/")
    # Its other log names the whole request with every warning and error.
    assert re.search(r"^error_log \S+ crit;", configuration, re.MULTILINE)
