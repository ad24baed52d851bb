"""Rules that hold for every source file, read from its syntax tree."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("config", "tenants", "routing", "chat", "crm_sync", "reports")

# The tenancy package's own ways to switch a schema; ours is tenants.context.
SWITCHES = {
    "set_schema",
    "set_schema_to_public",
    "set_tenant",
    "schema_context",
    "tenant_context",
}
THREAD_HOPS = {"sync_to_async", "database_sync_to_async", "run_in_executor", "to_thread"}
ASYNC_ORM = {
    *("aget", "acreate", "afirst", "alast", "acount", "aexists", "aupdate", "adelete", "asave"),
    *("abulk_create", "abulk_update", "aget_or_create", "aupdate_or_create", "aaggregate"),
    *("aiterator", "arefresh_from_db", "alatest", "aearliest", "acontains", "ain_bulk"),
}
# Where threads are entered and where the schema is: each file with its reason.
HOPS_ALLOWED = {"tenants/async_db.py": "the one hop"}
SWITCHES_ALLOWED = {"tenants/context.py": "the one door"}
# A file is shorter than this.
FEWER_LINES_THAN = 400


@functools.cache
def sources() -> list[tuple[str, ast.Module]]:
    files = (file for app in APPS for file in sorted((ROOT / app).rglob("*.py")))
    return [(str(file.relative_to(ROOT)), ast.parse(file.read_text(), str(file))) for file in files]


def names_used(tree: ast.AST) -> set[str]:
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            used.update(alias.name for alias in node.names)
    return used


def offenders(banned: set[str], allowed: dict[str, str]) -> dict[str, set[str]]:
    found = {path: names_used(tree) & banned for path, tree in sources() if path not in allowed}
    return {path: names for path, names in found.items() if names}


def test_the_schema_is_switched_in_one_place() -> None:
    assert offenders(SWITCHES, SWITCHES_ALLOWED) == {}


def test_threads_are_entered_in_one_place() -> None:
    assert offenders(THREAD_HOPS, HOPS_ALLOWED) == {}


def test_nobody_asks_the_database_by_the_async_orm() -> None:
    assert offenders(ASYNC_ORM, {}) == {}


def test_no_query_is_iterated_asynchronously() -> None:
    managers = {"objects", "_base_manager", "_default_manager"}
    found = [
        f"{path}:{node.iter.lineno}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, (ast.AsyncFor, ast.comprehension))
        and (isinstance(node, ast.AsyncFor) or node.is_async)
        and names_used(node.iter) & managers
    ]
    assert found == []


def test_the_package_s_encrypted_fields_are_used_by_ours_alone() -> None:
    users = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, (ast.ImportFrom, ast.Import))
        and any(
            name.startswith("encrypted_model_fields")
            for name in [
                getattr(node, "module", None) or "",
                *(alias.name for alias in node.names),
            ]
        )
    }
    assert users == {"tenants/fields.py", "tenants/keyring/wrapping.py"}


def test_every_cache_key_names_its_company_or_the_platform() -> None:
    """Whoever uses the shared cache directly is listed, and builds keys with a company's id."""
    users = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.core.cache"
    }
    for path in users:
        text = (ROOT / path).read_text()
        assert "company.id" in text or "company_id" in text, path


def test_no_model_signal_carries_domain_flow() -> None:
    signals = {"receiver", "pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed"}
    assert offenders(signals, {}) == {}


def test_no_file_grows_past_what_one_can_read() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for folder in (*APPS, "tests")
        for pattern in ("*.py", "*.js", "*.mjs")
        for file in (ROOT / folder).rglob(pattern)
        if (lines := len(file.read_text().splitlines())) >= FEWER_LINES_THAN
    }
    assert long == {}


def test_the_rules_find_what_they_look_for() -> None:
    tree = ast.parse(
        "async def f():\n    async for x in M.objects.all():\n        await x.asave()\n"
    )
    assert {"asave", "objects"} <= names_used(tree)
    assert "sync_to_async" in names_used(ast.parse("from asgiref.sync import sync_to_async"))
    assert "set_tenant" in names_used(ast.parse("connection.set_tenant(x)"))
