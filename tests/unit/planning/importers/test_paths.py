"""Which words are paths, and which only look like them."""

import pytest

from interlock.planning.importers.paths import paths_in


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("Model in src/models/user.py", ["src/models/user.py"]),
        ("Write `./src/a.ts`, then b.md.", ["src/a.ts", "**/b.md"]),
        ("Tests (see tests/unit/) and src/[id]/page.tsx", ["tests/unit/", "src/[[]id]/page.tsx"]),
        ("All of src/**/*.py", ["src/**/*.py"]),
        ("`npm run build` writes `dist/main.js`", ["dist/main.js"]),
        ("src/a.py,src/b.py", ["src/a.py", "src/b.py"]),
        ("in **src/a.py**:", ["src/a.py"]),
        ("authentication/authorization and/or CI/CD, e.g. i.e. N/A 1.2/3.4", []),
        ("GET /api/users.json, https://example.org/a.html, ~/x.py, $HOME/x.py", []),
        ("../up.py a/../b.py //x.py /etc/passwd.txt", []),
        ("Node.js and Next.js, version v2.0, release 1.2.3", []),
        ("x" * 400 + "/a.py", []),
        ("/ ./ . .. ", []),
    ],
)
def test_paths(text: str, paths: list[str]):
    assert list(paths_in(text)) == paths
