"""Near duplicates: conversations most of whose shingles are the same."""
