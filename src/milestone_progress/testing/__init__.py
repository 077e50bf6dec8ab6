"""What the users of this library need to test what they build with it.

Public, and documented like the rest. Nothing is imported here, so that each part asks only for
what it needs itself: `milestone_progress.testing.strategies` for Hypothesis.
"""
