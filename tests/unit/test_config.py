"""The settings file: what is right is taken, what is wrong is listed at once, with its line."""

import hashlib
import json
import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.config import WrongSettings, parse_settings, read_environment, read_settings
from interlock.config.fields import wrong_host
from interlock.config.known import TABLES
from interlock.domain.settings import (
    AgentProfile,
    GateSettings,
    Limits,
    ModelUpstream,
    PrepareSettings,
    Price,
    ProjectSettings,
    SandboxSettings,
    Settings,
    SettingsFault,
)


def faults(text: str) -> list[str]:
    with pytest.raises(WrongSettings) as wrong:
        parse_settings(text.encode(), "interlock.toml")
    return [f"{fault.where}: {fault.what}" for fault in wrong.value.faults]


def test_without_a_file_the_defaults_hold(tmp_path: Path):
    assert read_settings(tmp_path) == Settings()


def settings_of(text: str) -> Settings:
    return parse_settings(text.encode(), "interlock.toml")


WHOLE = """
[project]
target = "main"
remote = "origin"
boundary = "refuse"
land = "merge"
[limits]
workers = 3
parallel_stages = 2
disk = "1.5GB"
wall_time = "1h30m"
cost_usd_per_run = 5.0
tokens_per_task = 5_000_000
[routing]
auto_threshold = 70
[agents.roy]
backend = "claude"
model = "large"
[agents.patcher]
backend = "command"
run = ["python", "tools/apply.py", "{task.id}"]
timeout = "45m"
skills = ["python", "sql"]
env = ["TOKEN"]
network = ["api.example.org", "10.0.0.7:8443", "[::1]:80"]
[agents.actor]
backend = "scripted"
script = "scripts/story.yaml"
[gates.tests]
run = "python -m pytest -q --junitxml={report}"
reads = "junit"
timeout = "90s"
[gates.lint]
run = ["ruff", "check", "--output-file", "{report}", "my files"]
reads = "sarif"
fail_on = "warning"
[gates.covered]
run = "make coverage OUT={report}"
reads = "coverage-xml"
min = 90
[gates.builds]
run = "make"
[sandbox]
minimum = "bubblewrap"
read = ["~/data", "/srv/models"]
[models.anthropic]
base_url = "https://api.anthropic.com"
key_env = "ANTHROPIC_API_KEY"
[prices."some-model-4.1"]
input = 3.0
output = 15
[prepare]
run = "python -m venv .venv"
from = ["requirements.txt"]
keeps = [".venv"]
network = ["packages.example.org"]
[store]
on_loss = "wait"
"""


def test_what_the_file_says_is_taken(tmp_path: Path):
    (tmp_path / "interlock.toml").write_text(WHOLE)
    settings = read_settings(tmp_path)
    assert settings.project == ProjectSettings("main", "origin", "refuse", "merge")
    assert settings.limits == Limits(
        workers=3,
        parallel_stages=2,
        disk_bytes=1_500_000_000,
        wall_minutes=90,
        tokens_per_task=5_000_000,
        cost_usd_per_run=5.0,
    )
    assert settings.models == (
        ModelUpstream("anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
    )
    assert settings.prices == (Price("some-model-4.1", 3.0, 15.0),)
    assert settings.agents == (
        AgentProfile("actor", "scripted", script="scripts/story.yaml"),
        AgentProfile(
            "patcher",
            "command",
            run=("python", "tools/apply.py", "{task.id}"),
            skills=("python", "sql"),
            env=("TOKEN",),
            network=("api.example.org", "10.0.0.7:8443", "[::1]:80"),
        ),
        AgentProfile("roy", "claude", model="large"),
    )
    assert settings.gates == (
        GateSettings("builds", "make", "exit-code"),
        GateSettings("covered", "make coverage OUT={report}", "coverage-xml", minimum=90),
        GateSettings(
            "lint",
            "ruff check --output-file '{report}' 'my files'",
            "sarif",
            fail_on="warning",
        ),
        GateSettings("tests", "python -m pytest -q --junitxml={report}", "junit", 1.5),
    )
    assert settings.sandbox == SandboxSettings("bubblewrap", read=("~/data", "/srv/models"))
    assert settings.prepare == PrepareSettings(
        "python -m venv .venv", ("requirements.txt",), (".venv",), ("packages.example.org",)
    )
    assert settings.store.on_loss == "wait"
    assert settings.path == str(tmp_path / "interlock.toml")
    assert settings.digest == hashlib.sha256(WHOLE.encode()).hexdigest()


def test_what_is_not_acted_on_yet_is_listed():
    assert settings_of(WHOLE).unused == ("[routing]",)


def test_how_an_agent_reaches_its_models_and_what_it_may_do():
    settings = settings_of(
        "[agents.qwen]\nbackend = 'acp'\nrun = ['qwen', '--acp']\nprovider = 'local'\n"
        "variables = {OPENAI_BASE_URL = '{model.url}', OPENAI_API_KEY = '{model.key}'}\n"
        "allow = ['Bash(git *)']\ndeny = ['Bash(git push*)']\nquestion_wait = '90s'\n"
        "[models.local]\nbase_url = 'http://127.0.0.1:8080/v1/'\nkey_env = 'LOCAL_KEY'\n"
    )
    qwen = settings.agents[0]
    assert dict(qwen.variables)["OPENAI_BASE_URL"] == "{model.url}"
    assert (qwen.allow, qwen.deny) == (("Bash(git *)",), ("Bash(git push*)",))
    assert (qwen.models_at, qwen.question_minutes) == ("local", 1.5)
    local = settings.upstream("local")
    assert local == ModelUpstream("local", "http://127.0.0.1:8080/v1", "LOCAL_KEY")
    assert settings.upstream("anthropic") is not None
    assert settings.upstream("elsewhere") is None


@pytest.mark.parametrize("host", ["models.example", "10.0.0.7:8080", "[fd00::1]", "127.0.0.1.x.y"])
def test_a_key_goes_in_clear_nowhere_but_to_this_machine(host: str):
    (fault,) = faults(f"[models.local]\nbase_url = 'http://{host}/v1'\nkey_env = 'K'\n")
    assert "in clear" in fault


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "127.9.9.9:1", "[::1]:8080"])
def test_on_this_machine_it_may(host: str):
    address = f"http://{host}/v1"
    settings = settings_of(f"[models.local]\nbase_url = '{address}'\nkey_env = 'K'\n")
    assert settings.upstream("local") == ModelUpstream("local", address, "K")


def test_variables_of_an_agent_are_names_with_texts():
    for wrong in ("{'1A' = 'x'}", "{A = 1}", "['A']"):
        (fault,) = faults(f"[agents.a]\nbackend = 'claude'\nvariables = {wrong}\n")
        assert "variables" in fault


def test_a_program_may_be_one_text_and_is_cut_as_a_shell_would():
    settings = settings_of(
        "[agents.a]\nbackend = 'command'\nrun = 'python \"my tool.py\" {task.id}'\n"
    )
    assert settings.agents[0].run == ("python", "my tool.py", "{task.id}")


def test_a_report_in_a_list_is_one_word_of_the_shell_whatever_its_path():
    run = (
        settings_of("[gates.t]\nrun = ['pytest', '--junitxml={report}']\nreads = 'junit'\n")
        .gates[0]
        .run
    )
    assert shlex.split(run.replace("{report}", shlex.quote("/outbox/report.xml"))) == [
        "pytest",
        "--junitxml=/outbox/report.xml",
    ]


def test_a_file_without_agents_accepts_any_name():
    assert parse_settings(b"[limits]\nworkers = 2\n", "interlock.toml").agents is None


def test_every_fault_is_listed_with_its_line():
    text = """
[limits]
workres = 4
workers = 0
max_attempts = true
[stoer]
[store]
profile = "flete"
nats = "http://somewhere"
[gates]
tests = "pytest"
"""
    assert faults(text) == [
        "interlock.toml:3: [limits] has no setting 'workres'",
        "interlock.toml:4: workers is 0",
        "interlock.toml:5: max_attempts is True",
        "interlock.toml:6: there is no table [stoer]",
        "interlock.toml:8: profile is flete",
        "interlock.toml:9: nats is no address of that kind",
        "interlock.toml:11: gates.tests is not a table",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[project]\ntarget = 'a..b'", "interlock.toml:2: target is a..b"),
        ("[project]\nland = 'squsah'", "interlock.toml:2: land is squsah"),
        ("[limits]\ndisk = '10'", "interlock.toml:2: disk is 10"),
        ("[limits]\ndisk = 10", "interlock.toml:2: disk is 10"),
        ("[limits]\nwall_time = 'soon'", "interlock.toml:2: wall_time is soon"),
        ("[limits]\nwall_time = 0", "interlock.toml:2: wall_time is 0"),
        ("[limits]\ntokens_per_task = 1.5", "interlock.toml:2: tokens_per_task is 1.5"),
        ("[limits]\ncost_usd_per_day = -1", "interlock.toml:2: cost_usd_per_day is -1"),
        ("[limits]\ncost_usd_per_day = nan", "interlock.toml:2: cost_usd_per_day is nan"),
        ("[limits]\nworkers = 0x" + "f" * 9000, "interlock.toml:2: workers is a very large number"),
        ("[agents.a]\nmodel = 'x'", "interlock.toml:1: [agents.a] has no backend"),
        (
            "[agents.a]\nbackend = 'comand'\nrun = ['x']",
            "interlock.toml:2: backend is comand",
        ),
        (
            "[agents.a]\nbackend = 'command'",
            "interlock.toml:1: [agents.a] has the backend command and no run",
        ),
        ("[agents.a]\nbackend = 'command'\nrun = []", "interlock.toml:3: run names no program"),
        ("[agents.a]\nbackend = 'command'\nrun = \"'\"", "interlock.toml:3: run is '"),
        (
            "[agents.a]\nbackend = 'scripted'",
            "interlock.toml:1: [agents.a] has the backend scripted and no script",
        ),
        (
            "[agents.a]\nbackend = 'scripted'\nscript = '../x.yaml'",
            "interlock.toml:3: script is ../x.yaml",
        ),
        (
            "[agents.a]\nbackend = 'human'\nrun = ['x']",
            "interlock.toml:3: the backend human has no use for run",
        ),
        (
            "[agents.a]\nbackend = 'human'\nenv = ['A=secret']",
            "interlock.toml:3: 'A=secret' in env cannot be used",
        ),
        (
            "[agents.a]\nbackend = 'human'\nnetwork = ['https://x.org']",
            "interlock.toml:3: 'https://x.org' in network cannot be used",
        ),
        ("[agents.'a b']\nbackend = 'human'", "interlock.toml:1: 'a b' cannot be a name here"),
        (
            "[agents.a]\nbackend = 'human'\nmodle = 1",
            "interlock.toml:3: [agents.a] has no setting 'modle'",
        ),
        ("[gates.a]\nreads = 'exit-code'", "interlock.toml:1: [gates.a] has no run"),
        ("[gates.a]\nrun = ' '", "interlock.toml:2: run is  "),
        (
            "[gates.a]\nrun = 'pytest'\nreads = 'junit'",
            "interlock.toml:2: junit is read from a report, and run does not say {report}",
        ),
        (
            "[gates.a]\nrun = 'pytest --junitxml={report}'",
            "interlock.toml:2: it writes a report, and reads does not say of which kind",
        ),
        (
            "[gates.a]\nrun = 'x {report}'\nreads = 'sarif'",
            "interlock.toml:1: [gates.a] reads sarif and has no fail_on",
        ),
        (
            "[gates.a]\nrun = 'x {report}'\nreads = 'coverage-xml'",
            "interlock.toml:1: [gates.a] reads coverage-xml and has no min",
        ),
        (
            "[gates.a]\nrun = 'x {report}'\nreads = 'coverage-xml'\nmin = 101",
            "interlock.toml:4: min is 101",
        ),
        ("[gates.a]\nrun = 'x'\nfail_on = 'error'", "interlock.toml:3: fail_on has no effect here"),
        ("[sandbox]\nminimum = 'bublewrap'", "interlock.toml:2: minimum is bublewrap"),
        ("[sandbox]\nread = ['data']", "interlock.toml:2: 'data' in read cannot be used"),
        ("[sandbox]\nread = ['/']", "interlock.toml:2: '/' in read cannot be used"),
        ("[sandbox]\nnetwork = ['*.org']", "interlock.toml:2: '*.org' in network cannot be used"),
        ("[sandbox]\nnetwork = ['a:0']", "interlock.toml:2: 'a:0' in network cannot be used"),
        ("[sandbox]\nnetwork = 'a'", "interlock.toml:2: network is a"),
        (
            "[prepare]\nrun = 'make'\nkeeps = ['x']",
            "interlock.toml:1: [prepare] has no from",
        ),
        (
            "[prepare]\nrun = 'make'\nfrom = ['a']\nkeeps = ['.git/hooks']",
            "interlock.toml:4: '.git/hooks' in keeps cannot be used",
        ),
        (
            "[prepare]\nrun = 'make'\nfrom = []\nkeeps = ['a']",
            "interlock.toml:3: from is empty",
        ),
        ("[routing]\nauto_threshold = 700", "interlock.toml:2: auto_threshold is 700"),
        ("[models.a]\nkey_env = 'A'", "interlock.toml:1: [models.a] has no base_url"),
        ("[prices.'m 1']\ninput = 1", "interlock.toml:1: [prices.m 1] has no output"),
        ("[agents]\na = {backend = 'nobody'}", "interlock.toml:2: backend is nobody"),
    ],
)
def test_each_fault_is_found_and_only_it(text: str, said: str):
    assert faults(text) == [said]


def test_the_line_is_found_behind_a_long_text_that_looks_like_tables():
    text = '[gates.a]\nrun = """\n[ -f x ]\nfail_on = 3\n"""\nmin = 9\n'
    assert faults(text) == ["interlock.toml:6: min has no effect here"]


def test_a_key_in_the_wrong_place_is_not_repeated():
    with pytest.raises(WrongSettings) as wrong:
        settings_of("[models.a]\nbase_url = 'https://a'\nkey_env = 'sk-verysecret'\n")
    assert "secret" not in str(wrong.value)


def test_every_setting_that_is_known_is_also_read():
    """A name in the table that nobody reads would be accepted and do nothing."""
    for table, known in TABLES.items():
        for setting in known.settings:
            head = f"{table}.x" if known.named else table
            with pytest.raises(WrongSettings) as wrong:
                settings_of(f"[{head}]\n{setting.name} = 1979-05-27\n")
            where = [fault.where for fault in wrong.value.faults]
            assert "interlock.toml:2" in where, (head, setting.name)


def test_the_defaults_that_the_reference_names_are_those_that_hold():
    said = {
        "project": ("boundary", "land"),
        "limits": ("workers", "parallel_stages", "max_attempts", "disk", "wall_time"),
        "store": ("profile", "on_loss"),
        "agents": ("timeout", "auth"),
        "gates": ("reads", "timeout"),
    }
    heads = {
        "agents": "[agents.x]\nbackend = 'human'\n",
        "gates": "[gates.x]\nrun = 'make'\n",
    }
    for table, names in said.items():
        defaults = {s.name: s.default for s in TABLES[table].settings if s.name in names}
        assert len(defaults) == len(names)
        head = heads.get(table, f"[{table}]\n")
        values = "".join(
            f"{name} = {value if value.isdecimal() else json.dumps(value)}\n"
            for name, value in defaults.items()
        )
        with_them = getattr(settings_of(head + values), table)
        assert with_them == getattr(settings_of(head), table), table


@pytest.mark.parametrize(
    ("host", "right"),
    [
        ("example.org", True), ("a-b.example.org:443", True), ("localhost", True),
        ("127.0.0.1:80", True), ("[2001:db8::1]", True), ("[2001:db8::1]:443", True),
        ("", False), (":443", False), ("a:", False), ("a:b", False), ("a:65536", False),
        ("a b", False), ("a/b", False), ("-a", False), ("user@host", False), ("2001:db8::1", False),
        ("a:\u0663", False),
    ],
)  # fmt: skip
def test_hosts_as_the_box_understands_them(host: str, right: bool):
    assert (wrong_host(host) == "") is right


def test_a_misspelt_name_is_answered_with_the_right_one():
    with pytest.raises(WrongSettings, match="Did you mean 'parallel_stages'"):
        parse_settings(b"[limits]\nparalel_stages = 4\n", "interlock.toml")


def test_fleet_needs_all_of_its_parts():
    text = '[store]\nprofile = "fleet"\nnats = "nats://127.0.0.1"\n'
    assert faults(text) == [
        "interlock.toml:2: the fleet profile needs postgres",
        "interlock.toml:2: the fleet profile needs blobs",
    ]


def test_an_address_with_a_password_is_not_repeated():
    with pytest.raises(WrongSettings) as wrong:
        parse_settings(b"[store]\npostgres = 'mysql://me:secret@host/db'\n", "interlock.toml")
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[limits\n", "interlock.toml:1: this is not TOML"),
        (b"a = 1\n[limits]\nworkers = \n", "interlock.toml:3: this is not TOML"),
        (b"x = '''never closed", "interlock.toml:1: this is not TOML"),
        (b"ok = 1\n\xff\xfe", "interlock.toml:2: the file is not UTF-8 text"),
        (b"limits = 3\n", "interlock.toml:1: limits is not a table"),
        (b"x = " + b"[" * 100_000, "interlock.toml:1: "),
    ],
)
def test_what_is_no_settings_file_is_said_in_a_sentence(content: bytes, said: str):
    with pytest.raises(WrongSettings) as wrong:
        parse_settings(content, "interlock.toml")
    assert str(wrong.value).startswith(said)


def test_a_folder_or_a_huge_file_in_its_place_is_refused_before_it_is_read(tmp_path: Path):
    path = tmp_path / "interlock.toml"
    path.mkdir()
    with pytest.raises(WrongSettings, match="not a file"):
        read_settings(tmp_path)
    path.rmdir()
    with path.open("wb") as file:
        os.truncate(file.fileno(), 10_000_000_000)
    with pytest.raises(WrongSettings, match="10,000,000,000 bytes"):
        read_settings(tmp_path)


@given(st.text(max_size=200))
def test_any_text_is_settings_or_a_list_of_faults(text: str):
    assert all(fault.what and fault.mend for fault in faults_or_none(text))


@pytest.mark.parametrize(
    ("variables", "colour"),
    [
        ({}, True),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colours_are_left_out_where_they_are_unwelcome(
    variables: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert read_environment().colour is colour


def test_the_environment_is_read_once_and_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", f"/usr/bin:relative::/bin:/usr/bin:{tmp_path}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOME_TOKEN", "x")
    found = read_environment()
    assert found.path_roots == (Path("/usr/bin"), Path("/bin"), tmp_path)
    assert found.home == tmp_path
    assert found.variables["SOME_TOKEN"] == "x"


def test_without_a_useful_home_the_system_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "")
    assert read_environment().home.is_absolute()


@given(
    st.dictionaries(
        st.sampled_from(list(TABLES)),
        st.dictionaries(
            st.sampled_from(sorted({k.name for t in TABLES.values() for k in t.settings})),
            st.one_of(
                st.integers(-5, 10**20), st.text(max_size=8), st.booleans(), st.floats(),
                st.lists(st.text(max_size=5), max_size=3), st.just({"backend": "human"}),
            ),
            max_size=4,
        ),
        max_size=4,
    )
)  # fmt: skip
def test_any_values_are_settings_or_a_list_of_faults(document: dict[str, dict[str, object]]):
    text = "".join(
        f"[{table}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in settings.items())
        for table, settings in document.items()
    )
    assert all(fault.what and fault.mend for fault in faults_or_none(text))


def faults_or_none(text: str) -> tuple[SettingsFault, ...]:
    try:
        settings_of(text)
    except WrongSettings as wrong:
        return wrong.faults
    return ()


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    return repr(value) if isinstance(value, float) else json.dumps(value)


def test_what_pays_is_not_shown_in_a_box():
    models = "[models.moon]\nbase_url = 'https://moon.example'\nkey_env = 'MOON_KEY'\n"
    for place in (
        "[sandbox]\nenv = ['MOON_KEY']\n",
        "[agents.a]\nbackend = 'claude'\nenv = ['MOON_KEY']\n",
    ):
        (fault,) = faults(models + place)
        assert "MOON_KEY is the key of [models.moon]" in fault


def test_a_question_may_park_its_agent_at_once():
    for zero in ("0", "'0s'"):
        settings = settings_of(f"[agents.a]\nbackend = 'claude'\nquestion_wait = {zero}\n")
        assert settings.agents[0].question_minutes == 0.0
