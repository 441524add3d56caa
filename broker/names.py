"""Names that the standard fixes: core IRIs, media types, headers, the NGSI-LD Null."""

from typing import Final

NGSI_LD: Final = "https://uri.etsi.org/ngsi-ld/"
DEFAULT_VOCABULARY: Final = "https://uri.etsi.org/ngsi-ld/default-context/"
CORE_CONTEXT: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
"""The newest core @context (GS CIM 009 V1.9.1 §4.4)."""

API_ROOT: Final = "/ngsi-ld/v1"
CONTEXTS_PATH: Final = f"{API_ROOT}/jsonldContexts"
"""Below it the broker serves the contexts that it hosts (GS CIM 009 §6.29)."""
ADMIN_ROOT: Final = "/admin/v1"

NULL: Final = "urn:ngsi-ld:null"
"""NGSI-LD Null: 'remove this' in a fragment (GS CIM 009 §4.5.0)."""
DEFAULT_DATASET: Final = "@none"
SCOPE: Final = NGSI_LD + "scope"
"""What the scope is called among the expanded names of attributes."""

JSON: Final = "application/json"
JSON_LD: Final = "application/ld+json"
GEO_JSON: Final = "application/geo+json"
EVENT_STREAM: Final = "text/event-stream"
"""Server-Sent Events (HTML Standard, §9.2)."""
MERGE_PATCH: Final = "application/merge-patch+json"

CONTEXT_REL: Final = "http://www.w3.org/ns/json-ld#context"

TENANT_HEADER: Final = "NGSILD-Tenant"
COUNT_HEADER: Final = "NGSILD-Results-Count"
COUNT_LIMITED_HEADER: Final = "NGSILD-Results-Count-Limited"
"""There are more than were counted; not of the standard."""
ENTITY_MAP_HEADER: Final = "NGSILD-EntityMap"
LAST_EVENT_HEADER: Final = "Last-Event-ID"
WARNING_HEADER: Final = "NGSILD-Warning"

ERRORS: Final = "https://uri.etsi.org/ngsi-ld/errors/"
"""Prefix of the standard's problem types (GS CIM 009 §6.3.2)."""
