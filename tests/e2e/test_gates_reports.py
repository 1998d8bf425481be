"""Reports as real programs write them today."""

import subprocess
import sys
from pathlib import Path

import pytest

from interlock.gates.readers.junit import read


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_what_pytest_really_writes(tmp_path: Path, family: str) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.fixture\ndef bad():\n    yield 1\n    raise RuntimeError('teardown')\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "def test_twice(bad): assert False\n"
        "@pytest.mark.skip\ndef test_skip(): pass\n"
        "@pytest.mark.xfail\ndef test_xfail(): assert 0\n"
        "@pytest.mark.parametrize('n', [1, 2])\ndef test_many(n): pass\n"
        "class TestGroup:\n    def test_in(self): pass\n"
    )
    report = tmp_path / "report.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-o", f"junit_family={family}",
         f"--junitxml={report}", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "."],
        cwd=tmp_path, check=False, capture_output=True, timeout=60,
    )  # fmt: skip
    reading = read(report.read_bytes())
    assert reading.unreadable == ""
    place = "test_it.py" if family == "xunit1" else "test_it"
    inner = "TestGroup::" if family == "xunit1" else ""
    group = place if family == "xunit1" else "test_it.TestGroup"
    assert reading.tests == {
        f"{place}::test_good": "passed",
        f"{place}::test_bad": "failed",
        f"{place}::test_twice": "failed",
        f"{place}::test_skip": "skipped",
        f"{place}::test_xfail": "skipped",
        f"{place}::test_many[1]": "passed",
        f"{place}::test_many[2]": "passed",
        f"{group}::{inner}test_in": "passed",
    }
    assert reading.reasons[f"{place}::test_bad"] == "assert 1 == 2"
