"""Coverage reports: files relative to their sources, lines of several entries, contradictions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.gates.readers.coverage import read

ROOTS = ("/workspace",)


def entry(filename: str, **lines: int) -> str:
    said = "".join(f'<line number="{name[1:]}" hits="{hits}"/>' for name, hits in lines.items())
    return f'<class filename="{filename}"><methods/><lines>{said}</lines></class>'


def report(*entries: str, sources: tuple[str, ...] = (), head: str = "") -> bytes:
    where = "".join(f"<source>{source}</source>" for source in sources)
    return (
        f"{head}<coverage><sources>{where}</sources><packages><package><classes>"
        f"{''.join(entries)}</classes></package></packages></coverage>"
    ).encode()


DOCTYPE = '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">'
A = entry("a.py", n1=1, n2=0)
BOTH = ((1,), (2,))

PLACES = {
    "no source": (report(A), {"a.py": BOTH}),
    "the workspace": (report(A, sources=("/workspace",)), {"a.py": BOTH}),
    "a folder in it": (report(A, sources=("/workspace/src/",)), {"src/a.py": BOTH}),
    "a relative source": (report(A, sources=("src",)), {"src/a.py": BOTH}),
    "here": (report(A, sources=(".",)), {"a.py": BOTH}),
    "somewhere else": (report(A, sources=("/app",)), {"a.py": BOTH}),
    "an absolute file": (report(entry("/workspace/x/a.py", n1=1)), {"x/a.py": ((1,), ())}),
    "with a document type that is only named": (report(A, head=DOCTYPE), {"a.py": BOTH}),
}


@pytest.mark.parametrize(("data", "covered"), PLACES.values(), ids=PLACES.keys())
def test_files_are_told_from_the_root_of_the_workspace(
    data: bytes, covered: dict[str, object]
) -> None:
    reading = read(data, ROOTS)
    assert (reading.unreadable, reading.covered) == ("", covered)


def test_a_line_ran_if_any_entry_of_its_file_says_so() -> None:
    data = report(entry("A.java", n1=0, n2=0), entry("A.java", n1=3, n3=0))
    assert read(data).covered == {"A.java": ((1,), (2, 3))}


def test_a_file_borrows_no_coverage_from_a_namesake_under_another_source() -> None:
    data = report(
        entry("a.py", n1=1), entry("a.py", n1=0), sources=("/workspace/x", "/workspace/y")
    )
    assert read(data, ROOTS).covered == {"x/a.py": ((), (1,)), "y/a.py": ((), (1,))}


UNREADABLE = {
    "empty": (b"", "empty"),
    "truncated": (report(A)[:-4], "not well-formed"),
    "another document": (b"<testsuite/>", "begins with <testsuite>"),
    "own definitions": (
        b'<!DOCTYPE coverage [<!ENTITY a "b">]><coverage/>',
        "document type of its own",
    ),
    "hits that are none": (
        report('<class filename="a"><lines><line number="1" hits="x"/></lines></class>'),
        "hits='x'",
    ),
    "a line without a number": (
        report('<class filename="a"><lines><line hits="1"/></lines></class>'),
        "number=''",
    ),
    "lines said, none held": (b'<coverage lines-valid="12"/>', "says 12 lines and holds none"),
}


@pytest.mark.parametrize(("data", "sentence"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_evidence_says_why(data: bytes, sentence: str) -> None:
    reading = read(data)
    assert reading.covered is None
    assert sentence in reading.unreadable


@given(st.binary(max_size=200))
def test_no_bytes_crash_it_and_garbage_is_never_evidence(data: bytes) -> None:
    reading = read(data)
    assert reading.covered is None
    assert reading.unreadable


@given(st.integers(0, len(report(A, A)) - 1), st.integers(0, 255))
def test_one_wrong_byte_is_read_or_refused(place: int, byte: int) -> None:
    data = report(A, A)
    reading = read(data[:place] + bytes([byte]) + data[place + 1 :])
    assert bool(reading.unreadable) == (reading.covered is None)
