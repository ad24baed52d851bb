"""Who can serve: agents, what they know, which companies they serve, whether they are there."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from tenants.models import Company, Membership
from tenants.roles import SERVING

MAX_CAPACITY = 20
MAX_LEVEL = 5
CAPACITY_RANGE = [MinValueValidator(1), MaxValueValidator(MAX_CAPACITY)]


class Skill(models.Model):
    """Something an agent can do; one catalogue for the whole service."""

    key = models.CharField(
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(r"\A[a-z0-9]+([:-][a-z0-9]+)*\Z", "Use a-z, 0-9, hyphens and colons.")
        ],
        help_text="For example sales, service-desk or language:es.",
    )
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(key__regex=r"^[a-z0-9]+([:-][a-z0-9]+)*$"),
                name="skill_key_plain",
            )
        ]

    def __str__(self) -> str:
        return self.name


class AwayReason(models.TextChoices):
    """Why an agent is away: a fixed list, so that no words of a person stand in these tables."""

    NONE = "", "No reason"
    BREAK = "break", "Break"
    LUNCH = "lunch", "Lunch"
    MEETING = "meeting", "Meeting"
    TRAINING = "training", "Training"
    ADMIN = "admin", "Paperwork"
    # Set by the service: the lease stayed lost, or two offers in a row went by.
    ABSENT = "absent", "Connection lost"
    MISSED = "missed", "Missed two offers"


class AgentProfile(models.Model):
    """An agent as routing sees them. Its row is locked by whatever changes the agent's load."""

    class Status(models.TextChoices):
        AVAILABLE = "available", "Available"
        AWAY = "away", "Away"
        MISSED = "missed", "Missed offers"
        OFFLINE = "offline", "Offline"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    capacity = models.PositiveSmallIntegerField(default=3, validators=CAPACITY_RANGE)
    auto_accept = models.BooleanField(
        default=False, help_text="Chats are assigned without asking the agent."
    )
    wrap_up_seconds = models.PositiveSmallIntegerField(
        default=0, help_text="Rest after each chat before the next one is offered."
    )
    cleared_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="May serve health-care companies until then. Empty: may not.",
    )
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.OFFLINE)
    away_reason = models.CharField(max_length=10, choices=AwayReason.choices, blank=True)
    status_since = models.DateTimeField(default=timezone.now)
    # Offered and assigned weight together.
    load = models.PositiveSmallIntegerField(default=0)
    # Who let the load stand above the capacity; empty again once it is within.
    override_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    wrap_up_until = models.DateTimeField(null=True, editable=False)
    cool_down_until = models.DateTimeField(null=True, editable=False)
    misses = models.PositiveSmallIntegerField(default=0, editable=False)
    last_assigned_at = models.DateTimeField(null=True, editable=False)
    last_ended_at = models.DateTimeField(null=True, editable=False)
    # Chats taken on the UTC day `counted_on`.
    counted_on = models.DateField(null=True, editable=False)
    taken = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "agent"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(capacity__range=(1, MAX_CAPACITY)), name="agent_capacity_range"
            ),
            models.CheckConstraint(
                condition=models.Q(load__gte=0)
                & (models.Q(load__lte=models.F("capacity")) | models.Q(override_by__isnull=False)),
                name="agent_load_within_capacity",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(status="available"),
                name="agent_available_idx",
            )
        ]

    def __str__(self) -> str:
        return str(self.user)


class AgentSkill(models.Model):
    agent = models.ForeignKey(AgentProfile, on_delete=models.CASCADE, related_name="skills")
    skill = models.ForeignKey(Skill, on_delete=models.PROTECT, related_name="+")
    level = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(MAX_LEVEL)]
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "skill"], name="agent_skill_once"),
            models.CheckConstraint(
                condition=models.Q(level__range=(1, MAX_LEVEL)), name="agent_skill_level_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.skill_id} {self.level}"


def is_member(*, company: str) -> models.Exists:
    """True of a row whose agent is a member, in a role that answers chats, of its `company`."""
    member = Membership.objects.filter(
        user=models.OuterRef("agent_id"),
        company=models.OuterRef(company),
        ended_at__isnull=True,
        role__in=SERVING,
        user__is_active=True,
    )
    return models.Exists(member)


class GrantQuerySet(models.QuerySet["Grant"]):
    def in_force(self) -> "GrantQuerySet":
        """Those not revoked, of people who are members of the company now, in a role that answers
        chats.

        Whoever removes a member need not know of routing: the grant ends with the membership.
        """
        return self.filter(is_member(company="company_id"), revoked=False)


class Grant(models.Model):
    """An agent may serve a company. Without it the agent is never offered a chat of the company."""

    agent = models.ForeignKey(AgentProfile, on_delete=models.CASCADE, related_name="grants")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="+")
    limit = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=CAPACITY_RANGE,
        help_text="At most so much of the agent's capacity for this company. Empty: all of it.",
    )
    overflow = models.BooleanField(
        default=False, help_text="Helps only when a chat has already waited for the others."
    )
    # Not deleted: a company of which nothing is decided is granted to who opens the desk.
    revoked = models.BooleanField(
        default=False, help_text="Is offered the company's chats no longer."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "company"], name="grant_once"),
            models.CheckConstraint(
                condition=models.Q(limit__isnull=True) | models.Q(limit__range=(1, MAX_CAPACITY)),
                name="grant_limit_range",
            ),
        ]
        # The unique constraint finds an agent's companies; this finds a company's agents.
        indexes = [models.Index(fields=["company", "agent"], name="grant_company_idx")]

    def __str__(self) -> str:
        return f"{self.agent_id} serves {self.company_id}"


class PresenceChange(models.Model):
    """When an agent's status changed: the history behind adherence reports."""

    agent = models.ForeignKey(AgentProfile, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=AgentProfile.Status.choices)
    reason = models.CharField(max_length=10, choices=AwayReason.choices, blank=True)

    class Meta:
        indexes = [models.Index(fields=["agent", "-at"], name="presence_history_idx")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.status}"
