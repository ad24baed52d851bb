"""Two sites over Django's admin: a company's own, and the operators' of the platform.

Both ask our roles instead of per-model permissions, and write the audit log instead of the admin's
LogEntry, which would put people's words into the public schema.
"""

import enum
import uuid
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeVar, cast

from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import DateTimeField, Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.text import capfirst

from tenants import audit
from tenants.actor import Actor
from tenants.context import current_company
from tenants.models import User, Verb
from tenants.navigation import NavLink
from tenants.roles import Permission, allows
from tenants.views.access import AnyView, company_page, operator_page, role_of

HIDDEN_URLS = ("_history",)
Read = TypeVar("Read", bound=Callable[[], dict[str, object]])


class _Site(AdminSite):
    """The pages of registered models and nothing else: sign-in has pages of its own."""

    enable_nav_sidebar = False

    def guard(self, view: AnyView) -> AnyView:
        raise NotImplementedError

    def has_permission(self, request: HttpRequest) -> bool:
        # The guard around every view has decided already.
        return True

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return self.guard(super().admin_view(view, cacheable))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        # Our own navigation leads to the models.
        return []

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            path("", self.admin_view(self.index), name="index"),
            path("jsi18n/", self.admin_view(self.i18n_javascript, cacheable=True), name="jsi18n"),
            *(
                path(f"{model._meta.app_label}/{model._meta.model_name}/", include(admin.urls))
                for model, admin in self._registry.items()
            ),
        ]


class CompanyAdminSite(_Site):
    """A company's admin site, for members whose role may view it."""

    def guard(self, view: AnyView) -> AnyView:
        return company_page(Permission.VIEW_ADMIN)(view)


class PlatformAdminSite(_Site):
    """The operators' site on the platform host."""

    site_title = site_header = "Switchboard operations"
    index_title = "Overview"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._overview: list[Callable[[], dict[str, object]]] = []

    def on_overview(self, read: Read) -> Read:
        """Have the overview show what `read` returns, by the names that its template knows.

        A name is one reader's: the overview raises ValueError for one that two return.
        """
        self._overview.append(read)
        return read

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """What the service is doing now. Queries: those of the registered readers."""
        shown: dict[str, object] = {}
        for read in self._overview:
            found = read()
            if twice := shown.keys() & found.keys():
                raise ValueError(f"Another reader of the overview returns {sorted(twice)} too.")
            shown |= found
        return super().index(request, {**shown, **(extra_context or {})})

    def guard(self, view: AnyView) -> AnyView:
        return operator_page(view)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        complete = self.admin_view(self.autocomplete_view)
        return [path("autocomplete/", complete, name="autocomplete"), *super().get_urls()]

    def navigation(self, request: HttpRequest) -> list[tuple[str, list[NavLink]]]:
        """Every registered model, in the order of its group and of registration. Queries: 0."""
        index = reverse("platform_admin:index")
        groups = {"": [NavLink("Overview", index, "home", request.path == index)]}
        groups |= {group: [] for group in Group}
        for model, admin in self._registry.items():
            page, meta = _page_of(admin), model._meta
            href = reverse(f"platform_admin:{meta.app_label}_{meta.model_name}_changelist")
            link = NavLink(page.label, href, page.icon, request.path.startswith(href))
            groups[page.group].append(link)
        return [(group, links) for group, links in groups.items() if links]


class Group(enum.StrEnum):
    """The parts of the operators' navigation, in its order."""

    COMPANIES = "Companies"
    CHATS = "Chats"
    SERVICE = "Service"


class Page(NamedTuple):
    """Where an operator looks for a model, and what they call it."""

    group: Group
    label: str
    icon: str


def _page_of(admin: "ModelAdmin[Any]") -> Page:
    """The page that it states, else one under the model's own name."""
    stated: Page | None = getattr(admin, "page", None)
    return stated or Page(Group.SERVICE, capfirst(str(admin.opts.verbose_name_plural)), "note")


class AuditedModelAdmin(ModelAdmin):  # type: ignore[type-arg]
    """A ModelAdmin whose changes are told to the audit log: which thing, by whom, which fields."""

    actions = None
    show_full_result_count = False
    audit_verb: ClassVar[Verb] = Verb.SETTING_CHANGED
    page: ClassVar[Page | None] = None

    def audit_company_id(self, obj: Model) -> uuid.UUID | None:
        """The company whose chain tells of `obj`; None: the platform's own."""
        return None

    def get_urls(self) -> list[URLPattern]:
        return [url for url in super().get_urls() if not (url.name or "").endswith(HIDDEN_URLS)]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = {
            "title": _page_of(self).label,
            "tells_times": any(
                isinstance(field, DateTimeField) and field.name in self.list_display
                for field in self.opts.fields
            ),
        }
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        self._record(request, obj, "added")

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        # The message lists the names of changed fields, never their values.
        fields = [name for part in message for name in part.get("changed", {}).get("fields", [])]
        self._record(request, obj, "changed", fields=", ".join(fields))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        for obj in queryset:
            self._record(request, obj, "deleted")

    def _record(self, request: HttpRequest, obj: Model, change: str, **facts: str) -> None:
        audit.record(
            company_id=self.audit_company_id(obj),
            actor=Actor.person(cast("User", request.user)),
            verb=self.audit_verb,
            target_kind=obj._meta.model_name or "",
            target_id=obj.pk,
            change=change,
            **facts,
        )


class ReadOnlyModelAdmin(AuditedModelAdmin):
    """Rows to look at: nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class CompanyModelAdmin(AuditedModelAdmin):
    """A model on the company's admin site, viewed and edited with a permission each."""

    view_permission: ClassVar[Permission]
    edit_permission: ClassVar[Permission]

    def audit_company_id(self, obj: Model) -> uuid.UUID | None:
        return current_company().id

    def _allows(self, request: HttpRequest, permission: Permission) -> bool:
        role = role_of(request)
        return role is not None and allows(role, permission)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._allows(request, self.view_permission)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._allows(request, self.view_permission)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._allows(request, self.edit_permission)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._allows(request, self.edit_permission)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._allows(request, self.edit_permission)


company_admin_site = CompanyAdminSite(name="company_admin")
platform_admin_site = PlatformAdminSite(name="platform_admin")
