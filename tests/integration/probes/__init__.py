"""What a test asks of a platform beside the adapter: a module for each, named like the platform."""
