"""Earthquakes as the United States Geological Survey lists them in GeoJSON."""
