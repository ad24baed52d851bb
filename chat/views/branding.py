"""The branding studio: the form beside the real chat, as it would look."""

import dataclasses
import re
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_http_methods, require_safe

from chat import brand_colours
from chat.actions import branding as actions
from chat.models import Branding
from chat.queries import branding
from chat.views.widget_frame import frame_config, frame_page, logo_address
from tenants.actor import Actor
from tenants.errors import Invalid
from tenants.roles import Permission
from tenants.views.access import CompanyRequest, company_page


class BrandingForm(forms.Form):
    """What a person may write; how a colour or a picture must be is the action's to say."""

    name = forms.CharField(max_length=60, help_text="Stands at the top of the chat.")
    logo = forms.FileField(
        required=False, help_text="PNG, JPEG, GIF or WebP, at most 2 MB. A square looks best."
    )
    remove_logo = forms.BooleanField(required=False, label="Show no logo")
    colour = forms.RegexField(
        r"\A#[0-9a-f]{6}\Z",
        widget=forms.TextInput(attrs={"type": "color"}),
        error_messages={"invalid": "Choose a colour, or write one like #0b5fff."},
    )
    greeting = forms.CharField(
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What a visitor reads first while you are open.",
    )
    launcher_label = forms.CharField(max_length=30, label="Button")
    position = forms.ChoiceField(choices=Branding.Position.choices, widget=forms.RadioSelect)
    offline_message = forms.CharField(
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Message while closed",
    )
    outside_hours = forms.ChoiceField(
        choices=Branding.OutsideHours.choices, widget=forms.RadioSelect, label="While closed"
    )


@company_page(Permission.EDIT_BRANDING)
@require_http_methods(["GET", "POST"])
def studio(request: CompanyRequest) -> HttpResponse:
    """Shows and stores the branding. Queries: 1 beside those of the page around it."""
    brand = branding.brand(request.company)
    form = BrandingForm(
        request.POST or None, request.FILES or None, initial=dataclasses.asdict(brand)
    )
    if request.method == "POST" and form.is_valid():
        try:
            _store(request, form.cleaned_data)
        except actions.BadLogo as error:
            form.add_error("logo", str(error))
        except Invalid as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved. Websites show it within a minute.")
            return redirect("company_branding")
    shown = {
        "logo": logo_address(brand.logo_digest),
        **_colours(brand.colour),
    }
    return render(
        request,
        "chat/branding.html",
        {"title": "Branding", "form": form, "brand": brand, "shown": shown},
        status=422 if form.errors else 200,
    )


@company_page(Permission.EDIT_BRANDING)
@require_safe
def colours(request: CompanyRequest) -> JsonResponse:
    """The tokens of `?colour=` and what was changed to keep the chat readable."""
    colour = request.GET.get("colour", "").lower()
    if not re.fullmatch(r"#[0-9a-f]{6}", colour):
        raise Invalid("Write the colour as # and six hex digits.")
    return JsonResponse(_colours(colour))


@company_page(Permission.EDIT_BRANDING)
@require_safe
@xframe_options_exempt
def preview(request: CompanyRequest) -> HttpResponse:
    """The frame in preview mode: it shows what the page around it tells, and asks no server."""
    origin = f"{request.scheme}://{request.get_host()}"
    config = frame_config(
        request.company, branding.brand(request.company), origin=origin, preview=True
    )
    return frame_page(request, request.company, config, ancestors="'self'")


def _colours(colour: str) -> dict[str, Any]:
    return {
        "colours": dataclasses.asdict(brand_colours.tokens(colour)),
        "notices": brand_colours.notices(colour),
    }


def _store(request: CompanyRequest, values: dict[str, Any]) -> None:
    logo = values["logo"]
    if logo is not None and logo.size > actions.MAX_LOGO_BYTES:
        raise actions.BadLogo("The picture is larger than 2 MB. Choose a smaller one.")
    actions.change(
        company=request.company,
        changes=actions.BrandingChanges(
            name=values["name"],
            colour=values["colour"],
            greeting=values["greeting"],
            offline_message=values["offline_message"],
            launcher_label=values["launcher_label"],
            position=Branding.Position(values["position"]),
            outside_hours=Branding.OutsideHours(values["outside_hours"]),
        ),
        actor=Actor.person(request.user),
        logo=logo.read() if logo is not None else None,
        remove_logo=values["remove_logo"],
    )
