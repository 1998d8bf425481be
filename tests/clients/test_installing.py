"""The agents that tests talk to are installed once, whole or not at all."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools import test_clients
from tools.test_clients import CouldNotInstall, clients

NOTHING = {
    "name": "nothing",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {"": {"name": "nothing", "version": "1.0.0"}},
}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, for a wish list without a wish."""
    wanted = tmp_path / "wanted"
    wanted.mkdir()
    (wanted / "package.json").write_text('{"name": "nothing", "version": "1.0.0"}')
    (wanted / "package-lock.json").write_text(json.dumps(NOTHING))
    monkeypatch.setattr(test_clients, "WANTED", wanted)
    monkeypatch.setattr(test_clients, "KEPT", tmp_path / "kept")
    return tmp_path / "kept"


def test_many_who_want_them_at_once_get_the_same(kept: Path):
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: clients(), range(3)))
    assert len(set(found)) == 1
    prefix = found[0].prefix
    assert sorted(path.name for path in kept.iterdir()) == sorted(["lock", prefix.name])
    made = prefix.stat().st_ctime_ns
    assert clients().prefix.stat().st_ctime_ns == made
    assert Path(clients().node).resolve().name == "node"


def test_what_cannot_be_installed_leaves_nothing_behind(kept: Path):
    wish = {"name": "nothing", "version": "1.0.0", "dependencies": {"left-pad": "1.3.0"}}
    (test_clients.WANTED / "package.json").write_text(json.dumps(wish))
    with pytest.raises(CouldNotInstall, match=r"tools/test_clients\.py"):
        clients()
    assert [path.name for path in kept.iterdir()] == ["lock"]


def test_the_lock_file_pins_every_package_by_its_content():
    lock = json.loads((Path(__file__).parent / "package-lock.json").read_text())
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert len(packages) > 50
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())
    wish = json.loads((Path(__file__).parent / "package.json").read_text())
    for name, version in wish["dependencies"].items():
        assert packages[f"node_modules/{name}"]["version"] == version
