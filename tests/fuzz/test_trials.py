"""Whatever W&B hands out, and whatever stands in a sweep's command, `wandbsweep trial` ends in words and with a code.

In the process that calls it for the reading, where thousands of examples cost little; and as a process of its own for
the rest, where a traceback would be seen by the user.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fuzzing import fuzzed, json_text, keyed, texts, values
from wandbsweep.agent.exit_codes import TrialExit
from wandbsweep.sweep.rendering.launch import LaunchError, read_launch, render_launch
from wandbsweep.sweep.rendering.macros import escape_macros

OPERATOR = Path(__file__).parents[2] / "operator"
MACROS = ["${args}", "${args_no_hyphens}", "${args_json}", "${args_json_file}", "${config_json_file}", "${env}"]
MACROS += ["${args_no_boolean_flags}", "${checkpoint_dir}", "${envvar:HOME}", "${args.lr}", "${", "$", "${}"]
MACROS += escape_macros(MACROS)  # as a sweep's command holds them, and the launcher fills them in
commands = st.lists(st.one_of(st.sampled_from(MACROS), texts), max_size=4)
options = st.lists(
    st.one_of(
        st.sampled_from(["--scan=", "--base-config=", "--base-config-file=", "--evaluation="]).flatmap(
            lambda flag: values.map(lambda value: flag + json_text(value))
        ),
        texts,
    ),
    max_size=3,
)
sampled = st.one_of(
    keyed(["lr", "agent.gamma", "wandbsweep", "_wandb", "scan"]).map(json_text), values.map(json_text), texts
)
environments = st.fixed_dictionaries(
    {},
    optional={
        "WANDBSWEEP_TRIAL_TIMEOUT_SECONDS": texts,
        "WANDBSWEEP_STALL_TIMEOUT_SECONDS": texts,
        "WANDBSWEEP_STARTUP_TIMEOUT_SECONDS": texts,
        "WANDBSWEEP_STARTUP_RETRIES": texts,
        "WANDBSWEEP_INTERPRETER_MAP": texts,
        "WANDB_RUN_ID": texts,
        "WANDB_DIR": st.just("/nonexistent"),
    },
)


def words_of(given_options, args, command):
    return [*given_options, args, "--", *command]


@fuzzed
@given(options, sampled, commands)
@example([], "[" * 5000, ["python"])
@example([], '{"a": ' + "9" * 5000 + "}", ["python"])
def test_any_command_line_is_rendered_or_told_what_is_wrong(given_options, args, command):
    words = words_of(given_options, args, command)
    try:
        rendered = render_launch(
            read_launch(words),
            args_json_file="args.json",
            config_folder="",
            checkpoint_dir="/checkpoints",
            environ={"HOME": "/home"},
        )
    except LaunchError as error:
        told = str(error)
    else:
        assert all(isinstance(word, str) for word in rendered.argv)
        told = json.dumps([*rendered.argv, *rendered.files.values()])
    assert told


def as_a_process_sees_it(word):
    """No process can be given the character 0, or halves of characters."""
    return word.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def trial(words, environment=None):
    """A trial as a process of its own, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        told = {name: as_a_process_sees_it(text) for name, text in (environment or {}).items()}
        return subprocess.run(
            [sys.executable, "-m", "wandbsweep.agent", "trial", *(as_a_process_sees_it(word) for word in words)],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": folder, "TMPDIR": folder, **told},
            capture_output=True,
            timeout=50,
            check=False,
        )


# Each is a process of some tenths of a second.
@settings(fuzzed, max_examples=max(8, fuzzed.max_examples // 20))
@given(
    options,
    sampled,
    st.sampled_from([["true"], ["sh", "-c", "exit 3"], ["true", "$${args}"], ["$${args}"], ["/nonexistent"]]),
    environments,
)
@example([], json.dumps({"lr": "a\0b"}), ["true", "$${args}"], {})
@example([], '{"lr": "\\ud800"}', ["true", "$${args}"], {})
@example([], "[" * 5000, ["true"], {})
@example([], '{"lr": 1}', ["true", "$${args_json_file}"], {"WANDB_RUN_ID": "../../a"})
@example([], "{}", ["true"], {"WANDBSWEEP_STARTUP_RETRIES": "9" * 5000})
@example([], '{"lr": "' + "x" * 200_000 + '"}', ["true", "$${args}"], {})
def test_no_trial_ends_in_a_traceback(given_options, args, command, environment):
    try:
        done = trial(words_of(given_options, args, command), environment)
    except OSError:
        return  # more words than a process can be given at all: W&B's agent would not get so far either
    assert b"Traceback" not in done.stderr + done.stdout, done.stderr.decode(errors="replace")
    assert done.returncode in {0, 3, 126, 127, *(int(code) for code in TrialExit)}


SHOW = "import json, sys; print(json.dumps(sys.argv[1:]))"
NASTY_FOR_SHELLS = "$(touch a) `id` ; rm -rf / & | > x \n ${args} ${oc.env:HOME} 'x' \"y\" \\ * ~ %s {{7*7}}"


@settings(fuzzed, max_examples=max(8, fuzzed.max_examples // 20))
@given(st.dictionaries(st.sampled_from(["lr", "agent.gamma", "x"]), texts.map(as_a_process_sees_it), min_size=1))
@example({"lr": NASTY_FOR_SHELLS})
def test_a_text_reaches_the_trainer_as_it_is_and_no_shell_ever_sees_it(values):
    done = trial([json.dumps(values), "--", sys.executable, "-c", SHOW, "$${args}"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [f"--{name}={text}" for name, text in values.items()]
