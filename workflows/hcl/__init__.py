"""HCL as bytes: what stands where, and splices that leave every other byte alone; it knows no IAM."""
