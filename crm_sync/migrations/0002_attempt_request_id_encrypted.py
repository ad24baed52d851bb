"""Request ids are encrypted. Those kept in the clear are dropped: a CRM may have put words there."""

from django.db import migrations

import tenants.fields


class Migration(migrations.Migration):
    dependencies = [("crm_sync", "0001_initial")]

    operations = [
        migrations.RemoveField(model_name="attempt", name="request_id"),
        migrations.AddField(
            model_name="attempt",
            name="request_id",
            field=tenants.fields.EncryptedTextField(null=True),
        ),
    ]
