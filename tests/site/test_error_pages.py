"""The page of an error of ours looks like the others, and needs nothing that may be broken."""

import re

from django.template.loader import render_to_string
from django.test import RequestFactory
from django.views.defaults import server_error

STYLES = re.compile(r'<link rel="stylesheet" href="([^"]+)">')


def test_an_error_of_ours_is_shown_in_the_frame_of_every_page_without_a_database() -> None:
    answer = server_error(RequestFactory().get("/leads/"))
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "The fault is ours" in page
    styles = STYLES.findall(page)
    assert styles
    assert styles == STYLES.findall(render_to_string("base.html"))
