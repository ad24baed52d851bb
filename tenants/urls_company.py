"""Pages of a company's site that need no chat."""

from django.urls import URLPattern, URLResolver, path

from tenants.admin_site import company_admin_site
from tenants.views import audit_log, company_settings, hand_off, invitations, landing, people

urlpatterns: list[URLPattern | URLResolver] = [
    path("", landing.company_root, name="company_root"),
    path("hand-off/", hand_off.arrive, name="hand_off"),
    path("invitations/<str:token>/", invitations.accept, name="accept_invitation"),
    path("admin/people/", people.people, name="company_people"),
    path("admin/people/invite/", people.invite, name="company_invite"),
    path(
        "admin/people/invitations/<uuid:invitation_id>/",
        people.change_invitation,
        name="company_invitation",
    ),
    path("admin/people/<uuid:user_id>/", people.change_member, name="company_member"),
    path("admin/audit/", audit_log.audit_log, name="company_audit"),
    path("admin/settings/", company_settings.settings_page, name="company_settings"),
    path("admin/", company_admin_site.urls),
]
