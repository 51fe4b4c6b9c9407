"""HCL as bytes: its structure, and splices that leave every other byte alone. Knows nothing of IAM."""
