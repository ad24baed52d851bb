"""The indexes that only reports read: counts by time without touching the wide rows."""

from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    dependencies = [("chat", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX report_conversation_idx ON chat_conversation (started_at)"
            " INCLUDE (phase)",
            "DROP INDEX report_conversation_idx",
        ),
        migrations.RunSQL(
            "CREATE INDEX report_visit_idx ON chat_visit (started_at)",
            "DROP INDEX report_visit_idx",
        ),
        migrations.RunSQL(
            "CREATE INDEX report_lead_idx ON chat_lead (captured_at) INCLUDE (phase)",
            "DROP INDEX report_lead_idx",
        ),
    ]
