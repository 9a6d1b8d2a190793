"""Where chat logs come from, and the rows that are read from there."""
