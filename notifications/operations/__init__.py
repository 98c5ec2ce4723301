"""Running it: is it well, and how to keep it so."""
