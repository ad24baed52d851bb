"""Changing how a company's chat looks, and the picture it shows."""

import dataclasses
import hashlib
import io
import re

from django.db import transaction
from PIL import Image, ImageOps, UnidentifiedImageError

from chat.models import Branding
from tenants import audit
from tenants.actor import Actor
from tenants.errors import Invalid
from tenants.models import Verb
from tenants.resolution import CompanyRef

LOGO_SIDE = 256
MAX_LOGO_BYTES = 2 * 1024 * 1024
# A small file may unfold to gigabytes; more than this is not even read.
MAX_LOGO_PIXELS = 24_000_000
# SVG is a document with scripts; it is not among the formats that are tried.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


class BadLogo(Invalid):
    code = "bad_logo"
    message = "Choose a picture: PNG, JPEG, GIF or WebP, at most 2 MB."


@dataclasses.dataclass(frozen=True, slots=True)
class BrandingChanges:
    """The whole form of the branding page, without the logo. `colour`: `#` and six hex digits."""

    name: str
    colour: str
    greeting: str
    offline_message: str
    launcher_label: str
    position: Branding.Position
    outside_hours: Branding.OutsideHours


def change(
    *,
    company: CompanyRef,
    changes: BrandingChanges,
    actor: Actor,
    logo: bytes | None = None,
    remove_logo: bool = False,
) -> None:
    """Store the branding; `logo` is an uploaded picture, None leaves the one there is.

    The audit log tells which settings changed, not to what. Runs inside the company. Raises BadLogo
    and Invalid; then nothing has changed.
    """
    if not re.fullmatch(r"#[0-9a-f]{6}", changes.colour):
        raise Invalid("Write the colour as # and six hex digits.")
    picture = encode_logo(logo) if logo is not None else None
    with transaction.atomic():
        Branding.objects.get_or_create(singleton=True, defaults={"name": company.name[:60]})
        row = Branding.objects.select_for_update().get()
        before = _settings(row)
        for field, value in dataclasses.asdict(changes).items():
            setattr(row, field, value)
        if picture is not None:
            row.logo, row.logo_digest = picture, hashlib.sha256(picture).hexdigest()
        elif remove_logo:
            row.logo, row.logo_digest = None, ""
        row.save()
        after = _settings(row)
        audit.record(
            company_id=company.id,
            actor=actor,
            verb=Verb.SETTING_CHANGED,
            target_kind="branding",
            target_id=company.id,
            changed=",".join(sorted(name for name in after if after[name] != before[name])),
        )


def encode_logo(data: bytes) -> bytes:
    """The picture as PNG of at most 256 x 256 pixels, without anything else the file held.

    Raises BadLogo on what is no picture, too large a file, or too many pixels.
    """
    if len(data) > MAX_LOGO_BYTES:
        raise BadLogo("The picture is larger than 2 MB. Choose a smaller one.")
    try:
        # Opening reads the header only.
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            if picture.width * picture.height > MAX_LOGO_PIXELS:
                raise BadLogo("The picture has too many pixels. Choose one under 4000 x 4000.")
            small = ImageOps.exif_transpose(picture).convert("RGBA")
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        ValueError,
        SyntaxError,
    ):
        raise BadLogo from None
    small.thumbnail((LOGO_SIDE, LOGO_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    # A new image takes the pixels only: no metadata of the file is kept.
    clean = Image.new("RGBA", small.size)
    clean.paste(small)
    clean.save(out, "PNG", optimize=True)
    return out.getvalue()


def _settings(row: Branding) -> dict[str, object]:
    names = [field.name for field in dataclasses.fields(BrandingChanges)]
    return {name: getattr(row, name) for name in [*names, "logo_digest"]}
