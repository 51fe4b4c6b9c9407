"""What everything else stands on: errors, secrets, files, locks, processes. It imports no other room."""
