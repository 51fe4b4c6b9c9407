"""The application: its screens, the wizard, and the open session."""
