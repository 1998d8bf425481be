"""Changed lines out of patches, also of files that try to look like patches."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.gates.change import changed_lines

PATCH = b"""diff --git a/src/a.py b/src/a.py
index 111..222 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,3 +1,4 @@ def f():
 one
-two
+TWO
+more
 three
@@ -10 +11 @@
-x
\\ No newline at end of file
+y
\\ No newline at end of file
diff --git a/gone.py b/gone.py
deleted file mode 100644
--- a/gone.py
+++ /dev/null
@@ -1,2 +0,0 @@
-a
-b
diff --git "a/t\\303\\274r\\t.py" "b/t\\303\\274r\\t.py"
new file mode 100644
--- /dev/null
+++ "b/t\\303\\274r\\t.py"
@@ -0,0 +1 @@
+z
diff --git a/with space.py b/with space.py
--- a/with space.py\t
+++ b/with space.py\t
@@ -0,0 +5,1 @@
+z
diff --git a/pic.png b/pic.png
Binary files a/pic.png and b/pic.png differ
"""


def test_added_lines_are_numbered_as_they_stand_in_the_candidate() -> None:
    assert changed_lines(PATCH) == {
        "src/a.py": (2, 3, 11),
        "t\N{LATIN SMALL LETTER U WITH DIAERESIS}r\t.py": (1,),
        "with space.py": (5,),
    }


def test_a_line_that_looks_like_a_header_is_a_line() -> None:
    patch = b"--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n--- a/y\n+++ b/y\n+@@ -1 +1 @@\n z\n"
    assert changed_lines(patch) == {"x": (1, 2)}


def test_nothing_changed_is_nothing() -> None:
    assert changed_lines(b"") == {}


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(patch: bytes) -> None:
    changed_lines(patch)
    changed_lines(b"+++ b/x\n@@ -1,2 +1,2 @@\n" + patch)
