"""The application: its screens, the wizard, and the session that is open."""
