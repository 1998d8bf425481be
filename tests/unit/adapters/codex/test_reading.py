"""Which commands only read."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from interlock.adapters.codex.reading import only_reads


@pytest.mark.parametrize(
    "command",
    [
        "cat a 'b c.txt'",
        "cat a && cat b",
        "find . -name '*.py' -type f",
        "git --no-pager show HEAD:a",
        "git log --oneline -5",
        "grep -rn 'foo|bar' src 2>/dev/null",
        "ls -la src | head -20",
        "rg --files | wc -l",
        "rg -n \"def foo\" -g '*.py'",
        "rg 'a\\.b' src 2>&1 | sort -u",
        "sed -n 1,20p a.py",
        "sed -n 5p a.py",
        "sort -k2 -u a",
    ],
)
def test_looking_around_is_reading(command: str):
    assert only_reads(command)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "  ",
        "|",
        "cat a |",
        "cat 'a",
        "rm a",
        "cat a > b",
        "cat a 2>b",
        "cat a 2>&1>b",
        "cat a | tee b",
        "cat a; rm a",
        "cat a\nrm a",
        "cat a & rm a",
        "cat a ;; rm a",
        "cat a |& tee b",
        "cat $(rm a)",
        "cat `rm a`",
        "cat <(rm a)",
        "(rm a)",
        'cat \\" ; rm a ; \\"',
        "A=b cat a",
        "awk '{print}' a",
        "sh -c 'cat a'",
        "echo x >begun.txt",
        "find . -delete",
        "find . -execdir rm x",
        "find *",
        "rg --pre=./x a",
        "sort -uo a b",
        "sort --output=a b",
        "git",
        "git config a b",
        "git -c core.pager=x log",
        "git diff --output=x",
        "git branch a",
        "sed -n '1w x' a",
        "sed -n 1p -i a",
        "sed -i s/a/b/ a",
    ],
)
def test_what_may_do_more_is_not(command: str):
    assert not only_reads(command)


@given(st.text("abcrm ;|&<>()$`'\"\\\n*-/#", max_size=40))
def test_no_command_is_too_odd(text: str):
    only_reads(text)


@given(st.text("abc |&;<>()", max_size=20))
def test_what_comes_behind_is_seen(text: str):
    assert not only_reads(f"cat {text} ; rm a")
