"""The context of the whole city: all domains, and SAREF4CITY's words for administrative areas and indicators."""

from typing import Final

from tests.contexts.vocabulary import Combined

CITY: Final = "city"
SAREF4CITY: Final = "https://saref.etsi.org/saref4city/"
"""ETSI TS 103 410-4, V2.1.1."""

AREAS: Final = ("AdministrativeArea", "City", "District", "Neighbourhood", "Country")
"""Types of areas. No Smart Data Model of the 56 is one: the city context has SAREF4CITY's own."""
WORDS: Final = (
    *AREAS,
    "KeyPerformanceIndicatorAssessment",
    *("assesses", "isAssessedBy", "quantifiesKPI", "hasKPI", "isKPIOf", "hasCalculationPeriod", "hasCreationDate"),
    *("hasExpirationDate", "hasLastUpdateDate", "isDerivedFrom", "refersToFeature", "refersToTime"),
)
"""Terms of the city context whose meaning is SAREF4CITY's."""

INDICATORS: Final = (
    ("KeyPerformanceIndicator", "KeyPerformanceIndicatorAssessment", "exact enough",
     "An entity of the type is a value of an indicator at a time: SAREF4CITY calls that an assessment"),
    ("name", "quantifiesKPI", "related", "The indicator that is assessed, an individual in SAREF4CITY"),
    ("kpiValue", "saref:hasValue", "close", "SAREF core; the unit is `unitCode` here, `saref:isMeasuredIn` there"),
    ("calculationPeriod", "hasCalculationPeriod", "close", "`from` and `to` here, an interval of OWL-Time there"),
    ("calculatedBy", "s4city:Agent", "related", "The agent who calculated it"),
    ("area", "refersToFeature", "close", "The place that it is about; an AdministrativeArea there"),
    ("calculationFormula", "isDerivedFrom", "related", "Text here, what it derives from there"),
    ("dateModified", "hasLastUpdateDate", "close", ""),
    ("dateCreated", "hasCreationDate", "close", ""),
    ("dateExpires", "hasExpirationDate", "close", ""),
    ("organization", "isAssessedBy", "related", "Whose indicator it is"),
)  # fmt: skip
"""Smart Data Models' KeyPerformanceIndicator beside SAREF4CITY: (word, word there, how near, remark)."""


def city_context(words: Combined) -> Combined:
    """The words of all domains, with SAREF4CITY's. None of them may stand for something else already."""
    own = {word: SAREF4CITY + word for word in WORDS}
    assert not own.keys() & words.terms.keys()
    return Combined(dict(sorted((words.terms | own).items())), words.qualified)
