"""Training wing: block masks, schedules and wrappers for Keras layers."""
