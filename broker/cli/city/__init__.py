"""The sample city: generate it, load it, keep it moving."""
