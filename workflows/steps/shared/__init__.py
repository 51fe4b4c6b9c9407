"""What steps of several workflows share."""
