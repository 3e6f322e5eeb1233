"""A study as one HTML file that stands on its own."""
