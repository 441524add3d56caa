import pytest

from broker.hosting.bundled import Bundled
from broker.jsonld.compiled import CompiledContext
from broker.jsonld.compiler import Compiler
from broker.names import CORE_CONTEXT


@pytest.fixture(scope="session")
def compiler() -> Compiler:
    return Compiler(Bundled()[CORE_CONTEXT])


@pytest.fixture(scope="session")
def core(compiler: Compiler) -> CompiledContext:
    return compiler.core
