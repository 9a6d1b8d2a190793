"""ChatFeedback Workbench: composes the packages below, and holds the command line and the demo."""
