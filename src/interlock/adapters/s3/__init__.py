"""S3-compatible object stores through obstore: blobs that every host of a fleet can reach."""
