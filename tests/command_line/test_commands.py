"""What the help tells of commands that are not imported is what they tell themselves."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from causalxai.command_line.commands import COMMANDS
from tests.commands import Cli


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_first_sentence_of_the_command(name: str):
    command = COMMANDS[name].load(name)
    assert command.help.splitlines()[0] == COMMANDS[name].summary


def test_the_help_has_the_whole_summaries(cli: Cli):
    told = " ".join(cli("--help").out.split())
    for name, command in COMMANDS.items():
        assert f"{name} {command.summary}" in told


def test_only_the_command_that_is_called_is_imported():
    code = (
        "import sys; from causalxai.cli import app\n"
        "app(['specs'], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith('causalxai.command_line.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = done.stdout.splitlines()[-1]
    assert "causalxai.command_line.shipped" in imported
    assert "causalxai.command_line.run" not in imported


def test_a_word_that_is_no_command_gets_a_suggestion(cli: Cli):
    assert "Did you mean 'validate'?" in cli("validat").err


def test_shells_complete_names_of_commands():
    code = "from causalxai.cli import app; app(prog_name='causalxai')"
    asked = {"COMP_WORDS": "causalxai explain-i", "COMP_CWORD": "1"}
    environment = {**os.environ, **asked, "_CAUSALXAI_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.stdout.split() == ["explain-image"]
