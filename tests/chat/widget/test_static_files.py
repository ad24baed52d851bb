"""In production every part of the frame is found under the hash of its content."""

import re
import shutil
from pathlib import Path

from config.storage import ModuleManifestStorage

STATIC = Path(__file__).resolve().parents[3] / "chat" / "static"


def collected(root: Path) -> dict[str, str]:
    """Collects the frame's files into `root`; their names there by their own names."""
    storage = ModuleManifestStorage(location=str(root), base_url="/static/")
    paths = {}
    for folder in ("live", "widget"):
        shutil.copytree(STATIC / folder, root / folder)
        for file in (STATIC / folder).iterdir():
            paths[f"{folder}/{file.name}"] = (storage, f"{folder}/{file.name}")
    done = {}
    for name, hashed, processed in storage.post_process(paths):
        assert not isinstance(processed, Exception), processed
        if isinstance(hashed, str) and not hashed.endswith((".br", ".gz")):
            done[name] = hashed
    return done


def test_modules_import_each_other_by_the_hash_of_their_content(tmp_path: Path) -> None:
    names = collected(tmp_path)
    main = (tmp_path / names["widget/main.js"]).read_text()
    imported = re.findall(r'from "([^"]+)"', main)
    assert len(imported) == 6
    for path in imported:
        assert re.fullmatch(r"\./[a-z_]+\.[0-9a-f]{12}\.js", path)
        assert (tmp_path / "widget" / path).is_file()
    session = (tmp_path / names["widget/session.js"]).read_text()
    assert f'from "../{names["live/store.js"]}"' in session


def test_what_is_sent_is_compressed_beforehand(tmp_path: Path) -> None:
    names = collected(tmp_path)
    assert (tmp_path / f"{names['widget/session.js']}.br").is_file()
