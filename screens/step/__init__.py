"""What the page of every step shares."""
