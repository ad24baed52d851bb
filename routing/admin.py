"""Routing on the operators' site: who is an agent, what they know, whom they serve."""

import uuid
from typing import Any, cast

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from routing.actions.agents import change_agent, follow_revocation
from routing.actions.load import lock_agent
from routing.models import AgentProfile, AgentSkill, Grant, Offer, QueueEntry, Skill
from routing.queries import operations
from tenants.admin_site import (
    AuditedModelAdmin,
    Group,
    Page,
    ReadOnlyModelAdmin,
    platform_admin_site,
)


@platform_admin_site.on_overview
def chats_and_agents() -> dict[str, object]:
    """The open chats of each company, their sums, and how many agents accept and took chats."""
    chats = operations.open_chats()
    return {
        "chats": chats,
        "waiting": sum(company.waiting for company in chats),
        "waiting_since": chats[0].waiting_since if chats else None,
        "with_agents": sum(company.with_agents for company in chats),
        "agents": operations.agent_figures(),
    }


class SkillInline(admin.TabularInline):  # type: ignore[type-arg]
    model = AgentSkill
    extra = 0
    autocomplete_fields = ("skill",)


class GrantInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Grant
    extra = 0
    can_delete = False
    verbose_name = "company they serve"
    verbose_name_plural = "companies they serve"
    autocomplete_fields = ("company",)


@admin.register(AgentProfile, site=platform_admin_site)
class AgentAdmin(AuditedModelAdmin):
    """An agent's settings. Status and load are theirs and routing's, and only shown."""

    page = Page(Group.CHATS, "Agents", "headset")
    list_display = ("user", "status", "load_of_capacity", "auto_accept", "status_since")
    list_filter = ("status", "auto_accept", "grants__company")
    list_select_related = ("user",)
    search_fields = ("user__email", "user__name")
    ordering = ("user__email",)
    autocomplete_fields = ("user",)
    inlines = (GrantInline, SkillInline)
    fields = (
        "user",
        "capacity",
        "auto_accept",
        "wrap_up_seconds",
        "cleared_until",
        "status",
        "away_reason",
        "status_since",
        "load",
    )
    _shown = ("status", "away_reason", "status_since", "load")

    @admin.display(description="Load", ordering="load")
    def load_of_capacity(self, agent: AgentProfile) -> str:
        return f"{agent.load} of {agent.capacity}"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("user", *self._shown) if obj else self._shown

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        # Assignments tell who served; an agent who leaves has their grants revoked.
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        change_agent(
            agent_id=obj.pk,
            capacity=obj.capacity,
            auto_accept=obj.auto_accept,
            wrap_up_seconds=obj.wrap_up_seconds,
            cleared_until=obj.cleared_until,
            by=cast("uuid.UUID", request.user.pk),
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        agent_id = form.instance.pk
        # As every change of grants and skills does: a decision being made waits or is waited for.
        lock_agent(agent_id)
        super().save_formset(request, form, formset, change)
        for changed, _ in formset.changed_objects:
            if isinstance(changed, Grant) and changed.revoked:
                follow_revocation(agent_id=agent_id, company_id=changed.company_id)


@admin.register(Skill, site=platform_admin_site)
class SkillAdmin(AuditedModelAdmin):
    page = Page(Group.CHATS, "Skills", "note")
    list_display = ("name", "key")
    search_fields = ("name", "key")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Waiting chats name skills by their key.
        return ("key",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(QueueEntry, site=platform_admin_site)
class QueueEntryAdmin(ReadOnlyModelAdmin):
    page = Page(Group.CHATS, "Queue", "clock")
    list_display = (
        "conversation_id",
        "company",
        "state",
        "enqueued_at",
        "priority",
        "attempts",
        "blocked_reason",
    )
    list_filter = ("state", "blocked_reason")
    list_select_related = ("company",)
    search_fields = ("conversation_id", "company__name")
    ordering = ("-enqueued_at",)


@admin.register(Offer, site=platform_admin_site)
class OfferAdmin(ReadOnlyModelAdmin):
    """Who was asked and why: the stored decision."""

    page = Page(Group.CHATS, "Offers to agents", "chats")
    list_display = ("offered_at", "agent", "company", "state", "why")
    list_filter = ("state",)
    list_select_related = ("agent__user", "entry__company")
    search_fields = ("entry__conversation_id", "agent__user__email")
    ordering = ("-offered_at",)

    @admin.display(description="Company")
    def company(self, offer: Offer) -> str:
        return offer.entry.company.name

    @admin.display(description="Why")
    def why(self, offer: Offer) -> str:
        return str(offer.decision.get("why", ""))
