"""The operators' site: companies, people and the state of the platform's own machinery."""

import uuid
from typing import Any, cast

from django.contrib import admin
from django.db.models import Model, QuerySet, URLField
from django.http import HttpRequest

from tenants.actions import companies, memberships
from tenants.actor import Actor
from tenants.admin_site import (
    AuditedModelAdmin,
    Group,
    Page,
    ReadOnlyModelAdmin,
    platform_admin_site,
)
from tenants.models import (
    AuditEvent,
    Company,
    DeadTask,
    Domain,
    Membership,
    OutboxEvent,
    SpareSchema,
    User,
    Verb,
)
from tenants.queries import audit_log, operations


@platform_admin_site.on_overview
def companies_and_trouble() -> dict[str, object]:
    """How many companies there are, and the jobs that are late, given up or refused."""
    return {"companies": operations.company_figures(), "trouble": operations.trouble()}


@admin.register(Company, site=platform_admin_site)
class CompanyAdmin(AuditedModelAdmin):
    """Companies come by sign-up; here they are renamed, suspended, put under health-care rules."""

    page = Page(Group.COMPANIES, "Companies", "building")
    list_display = ("name", "slug", "vertical", "health_care_mode", "state", "created_at")
    list_filter = ("state", "vertical", "health_care_mode")
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = (
        "name",
        "slug",
        "schema_name",
        "website",
        "time_zone",
        "vertical",
        "health_care_mode",
        "state",
        "created_at",
    )
    # The time zone is the company's own: office hours and reports rest on it.
    readonly_fields = ("slug", "schema_name", "time_zone", "created_at")
    # As the company's own form does.
    formfield_overrides = {URLField: {"assume_scheme": "https"}}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        companies.change_by_operator(
            company_id=obj.pk,
            changes={field: form.cleaned_data[field] for field in form.changed_data},
            actor=Actor.person(cast("User", request.user)),
        )

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "state":
            # A company is being prepared by signing up only.
            choices = [Company.State.ACTIVE, Company.State.SUSPENDED]
            kwargs["choices"] = [(state.value, state.label) for state in choices]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        """Nothing: the action has told the audit log."""


@admin.register(Domain, site=platform_admin_site)
class DomainAdmin(AuditedModelAdmin):
    page = Page(Group.COMPANIES, "Web addresses", "globe")
    audit_verb = Verb.COMPANY_CHANGED
    list_display = ("domain", "tenant", "is_primary")
    search_fields = ("domain",)
    ordering = ("domain",)
    list_select_related = ("tenant",)

    def audit_company_id(self, obj: Model) -> uuid.UUID | None:
        return getattr(obj, "tenant_id", None)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Without its own host a company could not be reached.
        return isinstance(obj, Domain) and not obj.is_primary


@admin.register(User, site=platform_admin_site)
class PersonAdmin(AuditedModelAdmin):
    """People are invited by companies and deactivated here, never deleted."""

    page = Page(Group.COMPANIES, "People", "people")
    audit_verb = Verb.MEMBER_CHANGED
    list_display = ("email", "name", "is_operator", "is_active", "date_joined")
    list_filter = ("is_operator", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)
    fields = ("email", "name", "display_name", "is_operator", "is_active", "last_login")
    readonly_fields = ("email", "last_login")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "is_active" in form.changed_data:
            memberships.tell_all(user=obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Membership, site=platform_admin_site)
class MembershipAdmin(ReadOnlyModelAdmin):
    page = Page(Group.COMPANIES, "Who works where", "person")
    list_display = ("user", "company", "role", "created_at", "ended_at")
    list_filter = ("role",)
    search_fields = ("user__email", "company__name")
    list_select_related = ("user", "company")
    ordering = ("-created_at",)


@admin.register(AuditEvent, site=platform_admin_site)
class AuditEventAdmin(ReadOnlyModelAdmin):
    """The platform's own chain; a company's is read on the company's site."""

    page = Page(Group.SERVICE, "Audit log", "shield")
    list_display = ("number", "at", "what", "who", "thing")
    list_filter = ("verb",)
    search_fields = ("target_id", "actor_id")
    ordering = ("-number",)

    @admin.display
    def what(self, event: AuditEvent) -> str:
        return audit_log.words(event.verb)

    @admin.display
    def who(self, event: AuditEvent) -> str:
        return f"{event.actor_kind} {str(event.actor_id or '')[:8]}".strip()

    @admin.display
    def thing(self, event: AuditEvent) -> str:
        return f"{event.target_kind} {event.target_id[:8]}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        events: QuerySet[AuditEvent] = super().get_queryset(request)
        return events.filter(company_id__isnull=True)


@admin.register(OutboxEvent, site=platform_admin_site)
class OutboxEventAdmin(ReadOnlyModelAdmin):
    page = Page(Group.SERVICE, "Background jobs", "send")
    list_display = ("topic", "company", "created_at", "available_at", "attempts", "state")
    list_filter = ("topic",)
    list_select_related = ("company",)
    ordering = ("-created_at",)

    @admin.display
    def state(self, event: OutboxEvent) -> str:
        if event.dead_at:
            return "dead"
        return "told" if event.done_at else "waiting"


@admin.register(DeadTask, site=platform_admin_site)
class DeadTaskAdmin(ReadOnlyModelAdmin):
    page = Page(Group.SERVICE, "Refused jobs", "alert")
    list_display = ("task", "reason", "company_id", "at")
    ordering = ("-at",)


@admin.register(SpareSchema, site=platform_admin_site)
class SpareSchemaAdmin(ReadOnlyModelAdmin):
    page = Page(Group.SERVICE, "Room for new companies", "plus")
    list_display = ("schema_name", "created_at", "fingerprint")
    ordering = ("created_at",)
