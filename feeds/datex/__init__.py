"""DATEX II v3: what a road authority says of its roads; here, which of them are closed."""
