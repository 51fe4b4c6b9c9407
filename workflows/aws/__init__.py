"""AWS: clients from explicit credentials, and the requests to each service."""
