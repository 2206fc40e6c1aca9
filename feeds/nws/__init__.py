"""Alerts of the United States' National Weather Service (api.weather.gov), as it states them in GeoJSON."""
