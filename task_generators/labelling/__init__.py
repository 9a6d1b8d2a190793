"""Labels that a model gives to stored conversations: topics, challenge scores, moderation."""
