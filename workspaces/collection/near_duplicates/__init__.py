"""Near duplicates: conversations that share most of their shingles."""
