from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from chat.views import (
    admin_dashboard,
    branding,
    conversations,
    hours,
    install,
    leads_pages,
    widget,
)
from tenants.roles import Permission
from tenants.views.access import company_page

urlpatterns: list[URLPattern | URLResolver] = [
    path("widget.js", widget.loader, name="widget_loader"),
    path("widget/", widget.frame, name="widget_frame"),
    path("widget/state", widget.state, name="widget_state"),
    path("widget/token", widget.token, name="widget_token"),
    path("widget/offline", widget.offline, name="widget_offline"),
    path("widget/logo", widget.logo, name="widget_logo"),
    path("admin/branding/", branding.studio, name="company_branding"),
    path("admin/branding/colours", branding.colours, name="company_branding_colours"),
    path("admin/branding/preview", branding.preview, name="company_branding_preview"),
    path("admin/hours/", hours.editor, name="company_hours"),
    path("admin/hours/preview", hours.preview, name="company_hours_preview"),
    # Before the admin site's own front page, which lists models only.
    path("admin/", admin_dashboard.dashboard, name="company_dashboard"),
    path("admin/checklist/", admin_dashboard.checklist, name="company_checklist"),
    path("admin/install/", install.install, name="company_install"),
    path("admin/install/seen/", install.seen, name="company_install_seen"),
    path("admin/install/websites/", install.change_websites, name="company_websites"),
    path("admin/conversations/", conversations.conversations, name="company_conversations"),
    path(
        "admin/conversations/<uuid:conversation_id>/",
        conversations.transcript,
        name="company_transcript",
    ),
    path("admin/leads/", leads_pages.leads, name="company_leads"),
    path("admin/leads/<uuid:lead_id>/", leads_pages.lead, name="company_lead"),
    path(
        "admin/replies/",
        company_page(Permission.EDIT_REPLIES)(
            RedirectView.as_view(pattern_name="company_admin:chat_cannedreply_changelist")
        ),
        name="company_replies",
    ),
]
