"""Every model that the operators' site knows is found in its navigation."""

from collections.abc import Callable

import pytest
from django.contrib.admin import ModelAdmin
from django.test import Client, RequestFactory

from tenants.admin_site import PlatformAdminSite, platform_admin_site
from tenants.models import Company, Domain
from tests.cast import Cast

pytestmark = pytest.mark.urls("config.urls_public")


def test_the_navigation_tells_of_every_model_in_the_operators_own_words() -> None:
    request = RequestFactory().get("/admin/routing/agentprofile/")
    navigation = platform_admin_site.navigation(request)
    assert [(group, [link.label for link in links]) for group, links in navigation] == [
        ("", ["Overview"]),
        ("Companies", ["Companies", "Web addresses", "People", "Who works where"]),
        ("Chats", ["Agents", "Skills", "Queue", "Offers to agents"]),
        ("Service", ["Audit log", "Background jobs", "Refused jobs", "Room for new companies"]),
    ]
    here = [link.label for _, links in navigation for link in links if link.is_current]
    assert here == ["Agents"]


@pytest.mark.django_db
def test_each_page_is_headed_as_the_navigation_names_it(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    operator = client_for(cast.otto)
    for _, links in platform_admin_site.navigation(RequestFactory().get("/"))[1:]:
        for link in links:
            assert f"<h1>{link.label}</h1>" in operator.get(link.href).content.decode()


def test_a_model_that_states_no_page_is_shown_under_its_own_name() -> None:
    site = PlatformAdminSite("platform_admin")
    site.register([Company, Domain], ModelAdmin)
    _, (group, links) = site.navigation(RequestFactory().get("/"))
    assert group == "Service"
    assert [(link.label, link.href) for link in links] == [
        ("Companies", "/admin/tenants/company/"),
        ("Domains", "/admin/tenants/domain/"),
    ]


def test_two_readers_of_the_overview_do_not_overwrite_each_other() -> None:
    site = PlatformAdminSite("platform_admin")
    site.on_overview(lambda: dict[str, object](chats=1, agents=2))
    site.on_overview(lambda: dict[str, object](chats=3))
    with pytest.raises(ValueError, match=r"\['chats'\]"):
        site.index(RequestFactory().get("/"))
