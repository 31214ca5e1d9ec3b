"""What users write: services, their routes, requests and responses."""
