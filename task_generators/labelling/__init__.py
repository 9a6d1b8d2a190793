"""What a model says of conversations after ingest: topics, challenge, moderation."""
