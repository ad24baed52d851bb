"""Models of chat on the company's admin site."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError

from chat.models import CannedReply
from tenants.admin_site import CompanyModelAdmin, company_admin_site
from tenants.roles import Permission


class CannedReplyForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = CannedReply
        fields = ("shortcut", "title", "body")
        help_texts = {
            "shortcut": "What the agent types after the slash: a-z, 0-9 and hyphens.",
            "title": "What the agent picks from the list.",
            "body": "What the visitor reads.",
        }

    def clean_shortcut(self) -> str:
        shortcut: str = self.cleaned_data["shortcut"].lower()
        others = CannedReply.objects.filter(shortcut__iexact=shortcut).exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(f"There is a reply /{shortcut} already. Choose another shortcut.")
        return shortcut


@admin.register(CannedReply, site=company_admin_site)
class CannedReplyAdmin(CompanyModelAdmin):
    view_permission = Permission.EDIT_REPLIES
    edit_permission = Permission.EDIT_REPLIES
    form = CannedReplyForm
    list_display = ("shortcut", "title", "updated_at")
    search_fields = ("shortcut", "title", "body")
    ordering = ("shortcut",)
    list_per_page = 50
