"""Numbers to pictures and a page."""
