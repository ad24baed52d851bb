"""An uploaded logo becomes a small clean picture, or is refused with a sentence."""

import io
import struct
import zlib

import pytest
from PIL import Image

from chat.actions.branding import LOGO_SIDE, BadLogo, encode_logo


def picture(width: int, height: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), 120).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_becomes_a_small_png(kind: str) -> None:
    mode = "P" if kind == "GIF" else "RGB"
    with Image.open(io.BytesIO(encode_logo(picture(1200, 600, kind, mode)))) as made:
        assert (made.format, made.size) == ("PNG", (LOGO_SIDE, LOGO_SIDE // 2))


def test_a_small_picture_is_not_blown_up() -> None:
    with Image.open(io.BytesIO(encode_logo(picture(16, 16)))) as made:
        assert made.size == (16, 16)


def test_nothing_but_the_pixels_is_kept() -> None:
    out = io.BytesIO()
    source = Image.new("RGB", (20, 20))
    exif = source.getexif()
    exif[0x010E] = "SECRET-PLACE"
    source.save(out, "JPEG", exif=exif, comment=b"SECRET-WORDS")
    assert b"SECRET" in out.getvalue()
    made = encode_logo(out.getvalue() + b"<script>SECRET</script>")
    assert b"SECRET" not in made


def test_a_picture_is_turned_as_its_camera_said() -> None:
    out = io.BytesIO()
    source = Image.new("RGB", (40, 20))
    exif = source.getexif()
    exif[0x0112] = 6
    source.save(out, "JPEG", exif=exif)
    with Image.open(io.BytesIO(encode_logo(out.getvalue()))) as made:
        assert made.size == (20, 40)


def bomb(side: int) -> bytes:
    """A PNG that claims side x side pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"%PDF-1.7",
        picture(40, 40)[:60],
        picture(10, 10, "BMP"),
        bomb(5_000),
        bomb(60_000),
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 2 * 1024 * 1024,
    ],
    ids=["empty", "text", "svg", "pdf", "cut", "bmp", "large", "bomb", "heavy"],
)
def test_what_is_no_fit_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadLogo) as refused:
        encode_logo(data)
    assert refused.value.code == "bad_logo"
