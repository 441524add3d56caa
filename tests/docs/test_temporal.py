"""The commands of docs/temporal.md are run, one after the other, and their answers are those of the page."""

import json
import re
import subprocess
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import RunningBroker
from tests.docs.pages import ROOT

pytestmark = pytest.mark.http

_BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)
_INSTANCE = re.compile(r"urn:ngsi-ld:Instance:[0-9a-f:]+")


def test_the_commands_answer_what_the_page_says(running_broker: RunningBroker) -> None:
    answer = ""
    compared = 0
    tenant = f"-H 'NGSILD-Tenant: t{uuid4().hex[:20]}'"
    for language, text in _BLOCK.findall((ROOT / "docs" / "temporal.md").read_text()):
        if text.startswith("broker"):
            continue  # tests/cli/test_history_files.py
        if language == "sh":
            for command in re.split(r"\n(?=curl )", text.strip()):
                there = command.replace("http://localhost:1026", running_broker.url).replace(
                    "curl ", f"curl {tenant} ", 1
                )
                answer = subprocess.run(["bash", "-c", there], check=True, capture_output=True, text=True).stdout
        else:
            assert told(answer) == json.loads(text)
            compared += 1
    assert compared == 6


def told(answer: str) -> Any:
    """An answer as the page shows it."""
    return json.loads(_INSTANCE.sub("urn:ngsi-ld:Instance:…", answer))
