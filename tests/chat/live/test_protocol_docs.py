"""The protocol's pages are made from its frames and cannot fall behind them."""

from pathlib import Path

import pytest
from django.conf import settings

from chat import errors
from chat.live.protocol import document
from tenants.errors import ProductError

DOCS = Path(settings.BASE_DIR) / "docs"


def test_the_protocol_page_is_fresh() -> None:
    assert (DOCS / "protocol.md").read_text(encoding="utf-8") == document.markdown()


def test_the_protocol_schema_is_fresh() -> None:
    assert (DOCS / "protocol.schema.json").read_text(encoding="utf-8") == document.json_schema()


def test_every_error_of_the_chat_is_documented_once() -> None:
    own = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, ProductError) and value is not ProductError
    }
    assert own == set(errors.ERRORS)
    codes = [error.code for error in errors.ERRORS]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("error", errors.ERRORS, ids=lambda error: error.code)
def test_the_page_lists_the_code(error: type[ProductError]) -> None:
    assert f"| `{error.code}` |" in document.markdown()
