"""What a failing task writes to the log."""

import io
import json
import logging

import pytest

from config.logging import ContextFilter, JsonFormatter
from tenants.celery_task import company_task
from tenants.resolution import CompanyRef
from tests.cast import Cast

pytestmark = pytest.mark.django_db
SECRET = "Vera Visitor, +49 30 123456"


@company_task()
def fail_with_a_name(company: CompanyRef, object_id: str) -> str:
    if object_id == "fails":
        raise ValueError(f"Key (name)=({SECRET}) already exists.")
    return SECRET


@pytest.mark.parametrize("object_id", ["fails", "returns"])
def test_a_task_s_error_and_result_are_logged_without_their_text(
    cast: Cast, object_id: str
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(ContextFilter())
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("celery.app.trace")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        fail_with_a_name.apply(args=(str(cast.acme.id), object_id))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert any("fail_with_a_name" in line["message"] for line in lines)
    assert "Vera" not in stream.getvalue()
    if object_id == "fails":
        assert lines[-1]["exception"] == "ValueError"
        assert any("fail_with_a_name" in frame for frame in lines[-1]["frames"])
