"""The example player, watched in a real browser."""
