"""ChatFeedback Workbench: the roof that composes the packages below, the command line and the demo."""
