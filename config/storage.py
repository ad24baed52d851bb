"""How static files are served in production: under the hash of their content, compressed once."""

from whitenoise.storage import (  # type: ignore[import-untyped]
    CompressedManifestStaticFilesStorage,
)


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Hashes the names in the imports of ES modules too, so that a changed one is a new address."""

    support_js_module_import_aggregation = True
