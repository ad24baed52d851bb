"""Words and signs of the desk's pages."""

import re

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from routing.interface import AgentState, AwayReason

register = template.Library()

_OWN_ICONS = {"bell", "keyboard"}
# The same links as in live/store.js: nothing but these schemes is ever made clickable.
_LINK = re.compile(r"\b(?:https?://|mailto:)[^\s<>\"']+", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.,;:!?)\]}]+\Z")


@register.simple_tag
def desk_icon(name: str) -> SafeString:
    sprite = static("desk/icons.svg" if name in _OWN_ICONS else "ui/icons.svg")
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sprite, name
    )


@register.filter
def initials(name: str) -> str:
    """Up to two letters that stand for a name."""
    words = [word for word in re.split(r"[\s-]+", name) if word[:1].isalnum()]
    letters = (words[0][0] + words[-1][0]) if len(words) > 1 else (words[0][:2] if words else "?")
    return letters.upper()


@register.filter
def status_dot(status: str) -> str:
    return {"available": "dot--ok", "away": "dot--warn", "missed": "dot--bad"}.get(
        status, "dot--off"
    )


@register.filter
def status_label(state: AgentState) -> str:
    if state.status == "away":
        return f"Away · {AwayReason(state.reason).label}" if state.reason else "Away"
    return {"available": "Accepting chats", "missed": "Away · missed chats"}.get(
        state.status, "Offline"
    )


@register.filter
def choice_label(value: str) -> str:
    return value.replace("-", " ").replace("_", " ").capitalize()


@register.filter
def linked(text: str) -> SafeString:
    """A message's text with its web and mail addresses as links; everything else is text."""
    parts: list[tuple[str, str]] = []
    end = 0
    for match in _LINK.finditer(text):
        link = _SENTENCE_END.sub("", match[0])
        parts.append((text[end : match.start()], link))
        end = match.start() + len(link)
    linked_parts = format_html_join(
        "",
        '{}<a href="{}" rel="noopener nofollow ugc noreferrer" target="_blank">{}</a>',
        ((before, link, link) for before, link in parts),
    )
    return format_html("{}{}", linked_parts, text[end:])
