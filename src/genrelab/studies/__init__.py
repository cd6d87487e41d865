"""Many runs to what they teach: published rows, ablations, tuning, one report."""
