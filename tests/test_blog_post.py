"""The path of a user who knows only a blog post's command line, from its flags to a report.

Each step is what the program printed in the step before.
"""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]
FLAGS = "--model {} --epochs 4 --gpus 0 --lr {} --batch-size 64"


def printed_command(text: str, pattern: str) -> list[str]:
    """Return the arguments of the command that the text has at the group of the pattern."""
    found = re.search(pattern, text, flags=re.MULTILINE)
    assert found is not None, text
    return shlex.split(found.group(1))


def report_named(text: str, cnncompare: Call, folder: Path) -> None:
    """Run the report that the end of a run names, and look for its page."""
    command = printed_command(text, r"^report +.*cnncompare (report .*)$")
    done = cnncompare(*command)
    assert done.returncode == 0, done.stderr
    page = re.search(r"^report: (.*)$", done.stdout, flags=re.MULTILINE)
    assert page is not None
    assert Path(page.group(1)) == folder / "outputs" / "default" / "report.html"
    assert Path(page.group(1)).exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_flags_of_a_blog_post_lead_to_a_report(cnncompare: Call, tmp_path: Path) -> None:
    refused = cnncompare(*FLAGS.format("LeNet5", "0.05").split())
    assert refused.returncode == 2
    overrides = printed_command(refused.stderr, r"python -m cnncompare (.*?) \(")
    assert overrides[0] == "model=lenet5"
    done = cnncompare(*overrides, "data=digits", timeout=600)  # in place of the download
    assert done.returncode == 0, done.stderr
    report_named(done.stdout, cnncompare, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_learning_rate_of_a_blog_post_that_is_too_high_leads_to_a_report(
    cnncompare: Call, tmp_path: Path
) -> None:
    """A network without batch norm does not train at the learning rate of one with it."""
    refused = cnncompare("train", *FLAGS.format("lenet5", "20").split())
    overrides = printed_command(refused.stderr, r"python -m cnncompare (.*?) \(")
    done = cnncompare(*overrides, "data=digits", timeout=600)
    assert done.returncode == 0, done.stderr
    command = printed_command(done.stdout, r"^report +.*cnncompare (report .*)$")
    without = cnncompare(*command)  # there is nothing to compare yet
    assert without.returncode == 2
    assert "the model's own is optimizer.lr=" in without.stderr
    again = printed_command(done.stdout, r"^own rate +.*cnncompare (.*)$")
    assert [word for word in again if "lr=" in word] == []
    repeated = cnncompare(*again, timeout=600)
    assert repeated.returncode == 0, repeated.stderr
    report_named(repeated.stdout, cnncompare, tmp_path)
