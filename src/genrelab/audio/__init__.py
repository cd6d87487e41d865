"""Files to samples."""
