"""Pages that exist on a development machine only."""

from django.urls import URLPattern, URLResolver, path

from config.views import dev

urlpatterns: list[URLPattern | URLResolver] = [
    path("mail/", dev.mails, name="dev_mails"),
    # Digits only: the name is a part of a file's path.
    path("mail/<int:name>/", dev.mail, name="dev_mail"),
    path("webhook/", dev.webhooks, name="dev_webhooks"),
]
