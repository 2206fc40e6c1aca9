"""NENA EIDO: incidents handed over between control rooms, as JSON, both ways."""
