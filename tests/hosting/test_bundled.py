import subprocess
import sys
import zipfile
from pathlib import Path

import orjson
import pytest

from broker.hosting.bundled import INDEX, Bundled, folder
from broker.jsonld.parts import content

CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"


def test_every_file_in_the_folder_has_an_address_and_every_address_a_file() -> None:
    files = {path.relative_to(folder()).as_posix() for path in folder().rglob("*.jsonld")}
    assert set(orjson.loads((folder() / INDEX).read_bytes()).values()) == files


def test_every_document_holds_a_context() -> None:
    bundled = Bundled()
    for url in bundled.urls:
        assert content(bundled[url], url)


@pytest.mark.parametrize(
    "url",
    [
        *(f"{CORE}-v1.{minor}.jsonld" for minor in (0, 3, 4, 5, 6, 7, 8, 9)),
        f"{CORE}.jsonld",
        "https://w3id.org/security/data-integrity/v2",
        "https://smart-data-models.github.io/dataModel.Weather/context.jsonld",
        "https://raw.githubusercontent.com/smart-data-models/dataModel.Weather/master/context.jsonld",
    ],
)
def test_the_contexts_of_the_field_are_there(url: str) -> None:
    assert url in Bundled()


def test_every_context_that_a_sample_entity_names_is_there() -> None:
    samples = Path(__file__).parent.parent / "data" / "smart-data-models"
    for path in samples.rglob("example-normalized.jsonld"):
        named = orjson.loads(path.read_bytes())["@context"]
        for url in [named] if isinstance(named, str) else named:
            assert url in Bundled(), path


@pytest.mark.drill
def test_a_wheel_holds_the_contexts_where_they_are_looked_for(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-m", "pip", "wheel", root, "--no-deps", "-q", "-w", tmp_path], check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        assert orjson.loads(wheel.read(f"broker/_contexts/{INDEX}"))[f"{CORE}-v1.9.jsonld"]
    shipped = {f"broker/_contexts/{path.relative_to(folder()).as_posix()}" for path in folder().rglob("*.jsonld")}
    assert shipped <= names
