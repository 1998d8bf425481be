"""What every test gets: Hypothesis profiles, the loopback marker, and no silent skip.

`HYPOTHESIS_PROFILE=nightly pytest` looks eighty times harder than the default profile, `dev`.
"""

import os
import signal
import tempfile
import tomllib
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

NOT_PROVABLE_HERE = Path(__file__).parent / "not-provable-here.toml"

IN_CI = "CI" in os.environ
hypothesis.settings.register_profile(
    "dev",
    max_examples=25,
    deadline=None,
    # In CI a change must not fail for an example that another change would have drawn as well.
    derandomize=IN_CI,
    database=None,
    print_blob=True,
)
hypothesis.settings.register_profile(
    "nightly", max_examples=2000, deadline=None, database=None, print_blob=True
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background by a script. Programs under test inherit that, and heard no Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def short_path() -> Generator[Path, None, None]:
    """A folder whose path leaves room for the name of a Unix socket, which may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="il-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("loopback"):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):
        refuse_a_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_a_skip(report)
    return report


def refuse_a_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turns a skip into a failure: "could not run" is never "passed"."""
    if not report.skipped:
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = (
        f"{report.nodeid} did not run ({reason}). A test that needs something absent fails with "
        "the command that installs it; what no plain machine can prove is listed in "
        f"tests/{NOT_PROVABLE_HERE.name}."
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not NOT_PROVABLE_HERE.exists():
        return
    claims = tomllib.loads(NOT_PROVABLE_HERE.read_text())["claim"]
    terminalreporter.section(f"NOT RUN: {len(claims)}")
    for claim in claims:
        terminalreporter.line(f"NOT RUN {claim['what']}: {claim['reason']}; run: {claim['run']}")
