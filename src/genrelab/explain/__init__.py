"""A run and a clip to why: what a network looks at, what it confuses, where it puts clips."""
