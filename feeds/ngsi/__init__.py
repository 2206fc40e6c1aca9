"""NGSI-LD (ETSI GS CIM 009) with FIWARE Smart Data Models: what a city's context broker notifies."""
