"""Pages of a development machine: what was mailed, and a receiver of signed webhooks."""

import base64
import email
import email.policy
import hashlib
import hmac
import json
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from config.mail_sink import keep, kept, mail_folder
from crm_sync.connectors.registry import connector_of
from crm_sync.models import Connection
from tenants.context import in_company
from tenants.models import Company
from tenants.resolution import CompanyRef

_OLDEST_SECONDS = 300


@require_GET
def mails(request: HttpRequest) -> HttpResponse:
    """The last mails, newest first."""
    shown = [_head(path) for path in kept(mail_folder(), ".eml")]
    return render(request, "dev/mails.html", {"title": "Mail", "mails": shown})


@require_GET
def mail(request: HttpRequest, name: int) -> HttpResponse:
    """One mail, its text as it was sent."""
    path = mail_folder() / f"{name:020d}.eml"
    if not path.is_file():
        raise Http404
    message = _message(path)
    body = message.get_body(("plain", "html"))
    return render(
        request,
        "dev/mail.html",
        {
            "title": message.get("subject", "Mail"),
            "headers": [(key, str(value)) for key, value in message.items()],
            "body": body.get_content() if body else "",
        },
    )


@csrf_exempt
@require_http_methods(["GET", "POST"])
def webhooks(request: HttpRequest) -> HttpResponse:
    """POST: take a webhook if a company's connection signed it. GET: show the last ones."""
    folder = settings.DATA_DIR / "webhooks"
    if request.method == "POST":
        sender = _sender(request)
        if sender is None:
            return JsonResponse({"error": "The signature does not verify."}, status=401)
        taken = {
            "company": sender,
            "id": request.headers["webhook-id"],
            "at": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
            "body": json.loads(request.body),
        }
        keep(folder, json.dumps(taken, ensure_ascii=False).encode(), ".json")
        return HttpResponse(status=204)
    shown = [_webhook(path) for path in kept(folder, ".json")]
    return render(request, "dev/webhooks.html", {"title": "Webhooks", "webhooks": shown})


def _sender(request: HttpRequest) -> str | None:
    """The name of the company whose secret made one of the signatures (Standard Webhooks)."""
    headers = request.headers
    stamp, given = headers.get("webhook-timestamp", ""), headers.get("webhook-signature", "")
    if not stamp.isdecimal() or abs(time.time() - int(stamp)) > _OLDEST_SECONDS:
        return None
    signed = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + request.body
    for company in Company.objects.filter(state=Company.State.ACTIVE):
        with in_company(CompanyRef.of(company)):
            for connection in Connection.objects.filter(connector="webhook"):
                kind = connector_of(connection.connector)
                for secret in kind.signing_secrets(connection.credentials):
                    if any(
                        hmac.compare_digest(_signature(secret, signed), s) for s in given.split()
                    ):
                        return company.name
    return None


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _webhook(path: Path) -> dict[str, Any]:
    taken: dict[str, Any] = json.loads(path.read_bytes())
    return {**taken, "body": json.dumps(taken["body"], indent=2, ensure_ascii=False)}


def _head(path: Path) -> dict[str, str]:
    message = _message(path)
    return {
        "name": path.stem,
        "subject": str(message.get("subject", "(no subject)")),
        "to": str(message.get("to", "")),
        "at": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(path.stem) / 1e9)),
    }


def _message(path: Path) -> EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
