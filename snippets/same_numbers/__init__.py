"""The same training in both frameworks, number by number."""
