from django.db import models


class Verb(models.TextChoices):
    """What can happen to a thing that is audited: `<thing>.<past participle>`."""

    COMPANY_CREATED = "company.created"
    COMPANY_CHANGED = "company.changed"
    COMPANY_SUSPENDED = "company.suspended"
    COMPANY_RESUMED = "company.resumed"
    MEMBER_INVITED = "member.invited"
    INVITATION_WITHDRAWN = "invitation.withdrawn"
    MEMBER_ADDED = "member.added"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    SIGNED_IN = "person.signed_in"
    SIGN_IN_FAILED = "person.sign_in_failed"
    CONVERSATION_STARTED = "conversation.started"
    CONVERSATION_ASSIGNED = "conversation.assigned"
    CONVERSATION_CLOSED = "conversation.closed"
    TRANSCRIPT_READ = "transcript.read"
    LEAD_SAVED = "lead.saved"
    LEAD_READ = "lead.read"
    LEAD_DELIVERED = "lead.delivered"
    LEAD_EXPORTED = "lead.exported"
    CONNECTION_CREATED = "connection.created"
    CONNECTION_CHANGED = "connection.changed"
    DELIVERY_REPLAYED = "delivery.replayed"
    SETTING_CHANGED = "setting.changed"
    REPORT_EXPORTED = "report.exported"
    KEY_ROTATED = "key.rotated"
    KEYS_SHREDDED = "keys.shredded"


class AuditEvent(models.Model):
    """One line of a company's append-only, hash-chained log; ids and facts, never what was said.

    `number` and both digests are filled by the database (a trigger); it refuses update and delete.
    """

    class ActorKind(models.TextChoices):
        PERSON = "person"
        VISITOR = "visitor"
        SYSTEM = "system"

    # No constraint to Company: the log outlives what it tells of. Null: the platform's own chain.
    company_id = models.UUIDField(null=True, editable=False)
    number = models.BigIntegerField(editable=False, default=0)
    at = models.DateTimeField(editable=False)
    actor_kind = models.CharField(max_length=8, choices=ActorKind.choices)
    actor_id = models.UUIDField(null=True)
    verb = models.CharField(max_length=40, choices=Verb.choices)
    target_kind = models.CharField(max_length=40)
    target_id = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)
    previous_digest = models.CharField(max_length=64, editable=False, default="")
    digest = models.CharField(max_length=64, editable=False, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["company_id", "number"],
                name="audit_event_number_unique",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["company_id", "target_kind", "target_id"], name="audit_target_idx")
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.verb}"
