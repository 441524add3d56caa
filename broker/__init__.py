"""An NGSI-LD context information broker for cities."""
