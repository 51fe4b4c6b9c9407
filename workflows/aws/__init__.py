"""AWS: clients from explicit credentials, and what is asked of each service."""
