"""The mail that carries one ADF document: one text/plain part of 7bit with the XML alone."""

import email.policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from crm_sync.connectors.base import Push

SUBJECT = "New lead - Switchboard"
TEST_SUBJECT = "TEST - Switchboard"
_POLICY = email.policy.SMTP.clone(cte_type="7bit", max_line_length=998)


def mail(push: Push, to: str, content: bytes, *, sender: str) -> EmailMessage:
    """The Message-ID is the same whenever the lead goes again, so that a receiver can tell."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = TEST_SUBJECT if push.lead.test else SUBJECT
    message["Date"] = format_datetime(push.at)
    message["Message-ID"] = f"<{push.key}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(content.decode("ascii"), charset="us-ascii", cte="7bit")
    return message
