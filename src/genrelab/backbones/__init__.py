"""Networks that others trained: fetched once, written as what this package reads, used offline ever after."""
