from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_alter_auditevent_verb_and_more")]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="mail_due_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="invitation",
            name="mail_tries",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddIndex(
            model_name="invitation",
            index=models.Index(
                condition=models.Q(("mail_due_at__isnull", False)),
                fields=["mail_due_at"],
                name="invitation_mail_due_idx",
            ),
        ),
    ]
