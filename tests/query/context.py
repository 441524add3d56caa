"""The core @context, compiled: short names stand in the default vocabulary."""

from broker.hosting.bundled import Bundled
from broker.jsonld.compiler import Compiler
from broker.names import CORE_CONTEXT

CONTEXT = Compiler(Bundled()[CORE_CONTEXT]).core
